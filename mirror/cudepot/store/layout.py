"""Every file and folder of a store: what it is, what losing it costs, and who looks at it. One list for all.

``verify``, ``gc``, dry runs and ``docs/formats.md`` read it; whoever needs a file names its entry here.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Loss(StrEnum):
    """What is lost with a file."""

    STORE = "the store"
    RECORD = "cannot be restored from anything else"
    WORK = "can be recomputed"
    NOTHING = "nothing"


class Guard(StrEnum):
    """How damage of a file is seen."""

    NAME = "its name"
    SIGNATURE = "its signature"
    CHECK = "`check`"
    LINES = "`check` of each line"
    NONE = ""


class Dry(StrEnum):
    """What a dry run sees of a file."""

    LINK = "reads it"
    COPY = "works on a copy"
    OWN = "reads it, and has its own"
    NOTHING = ""


class Entry(NamedTuple):
    """One file or folder of a store.

    Attributes:
        name: its name in the store.
        what: what it is, for people.
        loss: what is lost with it.
        guard: how damage is seen; ``verify`` looks at all that have one.
        dry: what a dry run sees of it.
        keeps: whether ``gc`` keeps the objects it names.
        files: pattern of the files in a folder; empty for a file.
    """

    name: str
    what: str
    loss: Loss
    guard: Guard = Guard.NONE
    dry: Dry = Dry.NOTHING
    keeps: bool = False
    files: str = ""

    def at(self, root: Path) -> Path:
        """Return where it is in the store at ``root``, or would be."""
        return root / self.name

    def found(self, root: Path) -> list[Path]:
        """Return the files that are there, in order."""
        path = self.at(root)
        return sorted(path.glob(self.files)) if self.files else [path][: path.exists()]


FORMAT = Entry("FORMAT", '"cudepot-store 1" and a newline', Loss.STORE)
LOCK = Entry(
    "lock", 'held (flock) by the process that works on the store; holds "pid N, cudepot VERB since WHEN"', Loss.NOTHING
)
ID = Entry("id", "identifies this machine's store to a site in a bucket", Loss.NOTHING)
BUCKET = Entry("bucket.json", "which bucket this is the working copy of (`[store]`)", Loss.NOTHING, Guard.CHECK)
OBJECTS = Entry(
    "objects", "files under the sha256 of their bytes: `ab/ab12…`", Loss.STORE, Guard.NAME, Dry.OWN, files="*/*",
)  # fmt: skip
PARTS = Entry("parts", "objects being fetched; what has arrived survives a crash", Loss.WORK, files="*")
TMP = Entry("tmp", "files without a hash yet, and the output of dry runs; emptied by the next run", Loss.NOTHING)
SCRATCH = Entry("scratch", "unpacked payloads while `repackage` runs; removed before and after", Loss.NOTHING)
SNAPSHOTS = Entry(
    "snapshots", "`000001.json` and its signature `000001.json.asc`", Loss.RECORD, Guard.SIGNATURE, Dry.LINK,
    keeps=True, files="*.json",
)  # fmt: skip
OBJECT_LISTS = Entry(
    "object-lists.json", "which objects each snapshot names, as changes from one to the next",
    Loss.WORK, Guard.CHECK, Dry.LINK,
)  # fmt: skip
PROMOTIONS = Entry(
    "promotions", "signed records of what channels were made to show: `000001.json` and `000001.json.asc`",
    Loss.RECORD, Guard.SIGNATURE, Dry.LINK, files="*.json",
)  # fmt: skip
TAGS = Entry("tags.json", "names that were given to snapshots", Loss.RECORD, Guard.CHECK, Dry.COPY)
BUILDS = Entry(
    "builds", "build records, `KEY.json`", Loss.WORK, Guard.CHECK, Dry.LINK, keeps=True, files="*.json",
)  # fmt: skip
UPSTREAMS = Entry(
    "upstreams", 'what was seen of an upstream: roots, faults; `NAME.json`, "/" in NAME is written %2F',
    Loss.RECORD, Guard.CHECK, Dry.COPY, keeps=True, files="*.json",
)  # fmt: skip
ENVIRONMENTS = Entry(
    "environments", "what was read to resolve an environment and is known to be unchanged: `NAME.json`",
    Loss.WORK, Guard.CHECK, Dry.COPY, files="*.json",
)  # fmt: skip
SDISTS = Entry(
    "sdists", "wheels built from source packages, and with what: `SHA256.json`, of the source",
    Loss.WORK, Guard.CHECK, Dry.COPY, files="*.json",
)  # fmt: skip
ROLLBACK = Entry(
    "rollback.json", "far side: the older snapshot that is shown on purpose, and since when",
    Loss.RECORD, Guard.CHECK, Dry.LINK,
)  # fmt: skip
CHANNELS = Entry(
    "channels.json", "far side: what channels show on the near side, and tags, as the newest bundle said",
    Loss.RECORD, Guard.CHECK, Dry.COPY,
)  # fmt: skip
SITE = Entry(
    "site.json", "what each channel shows of a site that is served out of the store",
    Loss.WORK, Guard.CHECK, Dry.LINK, keeps=True,
)  # fmt: skip
COMPLETE = Entry(
    "complete.json", "the objects of a lock with whole mirrors that is complete", Loss.WORK, Guard.CHECK,
)  # fmt: skip
PROOFS = Entry(
    "proofs.json", "results of proving that repositories can be installed from", Loss.WORK, Guard.CHECK, Dry.LINK,
)  # fmt: skip
DROPIN = Entry(
    "dropin.json", "what channels have under the names of packages built here, for comparison",
    Loss.WORK, Guard.CHECK, Dry.COPY,
)  # fmt: skip
RETIRED = Entry(
    "retired.json", "objects of a bucket that nothing names now, and since when", Loss.WORK, Guard.CHECK,
)  # fmt: skip
EXPORTED = Entry(
    "exported", "manifests of bundles written here, each with its signature: `HASH.json`",
    Loss.RECORD, Guard.CHECK, Dry.COPY, files="*.json",
)  # fmt: skip
INCOMING = Entry(
    "incoming", "manifests of bundles with missing volumes: `HASH.json`",
    Loss.WORK, Guard.CHECK, Dry.COPY, keeps=True, files="*.json",
)  # fmt: skip
IMPORTED = Entry(
    "imported", "the manifests of the bundles that brought snapshots: `000001.json`",
    Loss.RECORD, Guard.CHECK, Dry.COPY, keeps=True, files="*.json",
)  # fmt: skip
FOLLOWED = Entry(
    "followed", "what the site says of its snapshots to the edges that follow it: `000001.json`",
    Loss.WORK, Guard.CHECK, Dry.COPY, keeps=True, files="*.json",
)  # fmt: skip
SHOWN = Entry(
    "shown.json", "what the site says to edges that it shows, as it was signed last: here, or by the site followed",
    Loss.WORK, Guard.CHECK, Dry.COPY,
)  # fmt: skip
EDGE = Entry(
    "edge.json", "what the site that is followed said last, and when, for asking whether it changed",
    Loss.WORK, Guard.CHECK, Dry.COPY,
)  # fmt: skip
SIGNATURES = Entry(
    "signatures.json", "signatures of files sent along with bundles, by the key's fingerprint and the sha256 of each",
    Loss.WORK, Guard.CHECK,
)  # fmt: skip
SHA512 = Entry(
    "sha512", "sha256 and size by sha512, where an index gives only that: `HEX`",
    Loss.WORK, dry=Dry.OWN, files="*",
)  # fmt: skip
RPM_SIGNATURES = Entry(
    "rpm-signatures", "rpms whose signature verified: sha256, hash over the keys, signer, package; one a line",
    Loss.WORK, dry=Dry.COPY,
)  # fmt: skip
METADATA = Entry(
    "metadata.json", "METADATA read without the wheels: upstream and sha256 of each wheel, and the object that has it",
    Loss.WORK, Guard.CHECK, Dry.COPY, keeps=True,
)  # fmt: skip
ROOTS_LOG = Entry(
    "roots.log", "every root that was accepted, oldest first; only ever appended to", Loss.RECORD, Guard.LINES,
)  # fmt: skip
DAMAGED_ROOTS = Entry("roots.log.damaged", "its lines that `verify --repair` found damaged", Loss.RECORD)
PUBLISHED_LOG = Entry(
    "published.log", "every conda package and wheel ever published, by name and sha256",
    Loss.RECORD, Guard.LINES, Dry.LINK,
)  # fmt: skip
LAST_RUN = Entry(
    "last-run.json", "what the last `cudepot run` did and met, and when each upstream was good last",
    Loss.RECORD, Guard.CHECK, Dry.LINK,
)  # fmt: skip
LOG = Entry("cudepot.log", "the output of runs, and why they ended; the previous one is `cudepot.log.1`", Loss.RECORD)

MANIFESTS = (EXPORTED, INCOMING, IMPORTED, FOLLOWED)
LAYOUT = (
    FORMAT, LOCK, ID, BUCKET, OBJECTS, PARTS, TMP, SCRATCH, SNAPSHOTS, OBJECT_LISTS, PROMOTIONS, TAGS, BUILDS,
    UPSTREAMS, ENVIRONMENTS, SDISTS, ROLLBACK, CHANNELS, SITE, COMPLETE, PROOFS, DROPIN, RETIRED, *MANIFESTS, SHOWN,
    EDGE, SIGNATURES, SHA512, RPM_SIGNATURES, METADATA, ROOTS_LOG, DAMAGED_ROOTS, PUBLISHED_LOG, LAST_RUN, LOG,
)  # fmt: skip
"""In the order in which ``verify`` reports."""
