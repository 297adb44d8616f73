"""What a package is made of and where that came from: a CycloneDX document in it, an in-toto statement about it.

Formats: CycloneDX 1.6 (JSON), in-toto Statement v1 with the SLSA provenance predicate v1. The document depends on
the payload alone, so a release gives the same package whichever form it came in; the statement, or with
``provenance = "inside"`` the document's pedigree, says which artifacts it was made of (ADR 0018). No time and no
random number is in either.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cudepot.digest import Digest
from cudepot.formats.payload import Payload, PayloadFile
from cudepot.formats.release import Release

FILENAME = "cudepot.cdx.json"
"""Name of the document, in ``info/sboms/`` of a conda package and ``.dist-info/sboms/`` of a wheel (PEP 770)."""
BUILD_TYPE = "urn:cudepot:repackage:1"
_CUDA = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:cudepot:sbom:1")


@dataclass(frozen=True, slots=True)
class Origin:
    """One artifact a package was made of.

    Attributes:
        filename: as its upstream publishes it.
        upstream, url: name of the upstream in cudepot.toml, and where the artifact is there.
        signers: full fingerprints of the keys that signed the chain of indexes down to it; empty where none did.
    """

    filename: str
    digest: Digest
    upstream: str
    url: str
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shipped:
    """What goes into one package, for its document."""

    name: str
    version: str
    purl: str
    release: Release
    files: tuple[tuple[str, Digest], ...]
    licence: str

    @classmethod
    def of(
        cls, name: str, version: str, purl: str, payload: Payload, files: Iterable[PayloadFile], licence: str
    ) -> Shipped:
        """Return the description of a package over payload files; links have no content of their own."""
        listed = tuple(sorted((one.path, one.digest) for one in files if one.digest))
        return cls(name, version, purl, payload.release, listed, licence)


def sbom(shipped: Shipped, origins: Sequence[Origin] = ()) -> bytes:
    """Return the CycloneDX document; ``origins`` are its pedigree, none when they are told beside the package."""
    one = shipped.release
    told = {
        "product": one.product,
        "part": one.part,
        "version": one.version,
        "cuda": one.cuda,
        "subdir": one.subdir,
    }
    component: dict[str, Any] = {
        "bom-ref": shipped.purl,
        "type": "library",
        "supplier": {"name": "NVIDIA Corporation"},
        "name": shipped.name,
        "version": shipped.version,
        "licenses": [{"license": {"name": shipped.licence}}],
        "purl": shipped.purl,
        "properties": [{"name": f"cudepot:release:{key}", "value": value} for key, value in told.items() if value],
    }
    if origins:
        component["pedigree"] = {"ancestors": [_ancestor(origin) for origin in origins]}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"tools": {"components": [{"type": "application", "name": "cudepot"}]}, "component": component},
        "components": [_file(path, digest) for path, digest in shipped.files],
    }
    return _json({**document, "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, _json(document).decode())}"})


def statement(filename: str, digest: Digest, release: Release, origins: Sequence[Origin], builder: int) -> bytes:
    """Return the in-toto statement that says what a package was made of, by which builder."""
    told = {"product": release.product, "version": release.version, "cuda": release.cuda, "subdir": release.subdir}
    made_of = [
        {
            "name": one.filename,
            "uri": one.url,
            "digest": {"sha256": one.digest.sha256},
            "annotations": {"size": one.digest.size, "upstream": one.upstream, "signers": list(one.signers)},
        }
        for one in origins
    ]
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"release": told | ({"part": release.part} if release.part else {})},
            "resolvedDependencies": made_of,
        },
        "runDetails": {"builder": {"id": "urn:cudepot", "version": {"cudepot-builder": str(builder)}}},
    }
    return _json(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": filename, "digest": {"sha256": digest.sha256}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": predicate,
        }
    )


def cuda_stated(data: bytes) -> str:
    """Return the CUDA variant that a statement says its package was made of; empty where it says none."""
    try:
        release = json.loads(data)["predicate"]["buildDefinition"]["externalParameters"]["release"]
        found = release["cuda"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) and _CUDA.fullmatch(found) else ""


def _file(path: str, digest: Digest) -> dict[str, Any]:
    return {"type": "file", "name": path, "hashes": [{"alg": "SHA-256", "content": digest.sha256}]}


def _ancestor(one: Origin) -> dict[str, Any]:
    return _file(one.filename, one.digest) | {
        "externalReferences": [{"type": "distribution", "url": one.url}],
        "properties": [
            {"name": "cudepot:upstream", "value": one.upstream},
            *({"name": "cudepot:signer", "value": signer} for signer in one.signers),
        ],
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
