"""A far side's project: ``cudepot.toml``, the keys pinned there, store and site. cudepot reads the same file.

Of TOML, what ``init`` writes is read: tables, strings on one line, lists of them, whole numbers, true and false.
Anything else is refused, because this file may not guess what somebody meant.
"""

import json
import os
import pkgutil
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from cudepot_far.channels import TAKEN, names_fault
from cudepot_far.disk import write_atomic
from cudepot_far.errors import ConfigError
from cudepot_far.gpgv import Gpgv
from cudepot_far.manifest import Snapshot, fingerprint, parse_snapshot
from cudepot_far.openpgp import fingerprints, keyring
from cudepot_far.store import Store
from cudepot_far.values import texts

NAME, KEYRING = "cudepot.toml", "keys/site.asc"
_LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
_UPSTREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_TEMPLATE = """\
# The far side of an air gap: shows the site of another machine as it was signed there (cudepot explain airgap).
version = 1
store = "store"              # objects and snapshots; relative to this file

[site]
path = "site"                # a web server shows site/current
label = "{label}"
keep = 3                     # snapshots kept in the folder
from = "{key}"   # full fingerprint of the key that signs the site
from-keyring = "{keyring}"
# Who may sign what upstreams sent to that site: checked again here, with these keys only.
upstream-keys = [
{upstream_keys}]
# Repositories of that site which no upstream signs (folders, installers): taken only when they are named here.
unsigned-upstreams = [{unsigned}]
# Where that site has channels: those of them that are shown here, each below its own name.
# channels = ["dev", "prod"]
"""


class Project(NamedTuple):
    """What ``cudepot.toml`` says, with the store.

    Attributes:
        base: folder of the file.
        site: folder of the site.
        keep: snapshots kept there.
        public: whether anybody can read the site; then nothing is published.
        key: full fingerprint of the site's key.
        keyring: that key, as gpgv reads it.
        upstream_keys: who may sign what upstreams sent to the site.
        unsigned: upstreams that nobody signs.
        channels: names of the site's channels; none for one that shows one snapshot.
    """

    base: str
    store: Store
    site: str
    keep: int
    public: bool
    key: str
    keyring: bytes
    upstream_keys: Tuple[str, ...]
    unsigned: Tuple[str, ...]
    channels: Tuple[str, ...]

    def verifier(self) -> Gpgv:
        """Return what trusts the site's key only."""
        return Gpgv([self.keyring], [self.key], "`from` of [site] in cudepot.toml")

    def snapshot(self, number: int) -> Snapshot:
        """Return a snapshot of the store whose signature holds."""
        document, signature = self.store.snapshot(number)
        what = f"snapshot {number}"
        self.verifier().detached(document, signature, what)
        found = parse_snapshot(document, what)
        if found.number != number:
            raise ConfigError(f"{what}: contains snapshot {found.number}", "someone renamed the file")
        return found


def open_project(base: str) -> Project:
    """Return the project in a folder; raise ConfigError when there is none, or it is no far side's."""
    path = os.path.join(base, NAME)
    try:
        with open(path, encoding="utf-8") as handle:
            document = parse(handle.read(), path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", "run `init KEYFILE` first, or give -C FOLDER") from error
    site = document.get("site")
    if not isinstance(site, dict) or not site.get("from"):
        raise ConfigError(f"{path}: this project does not mirror a site from bundles", "create one with `init KEYFILE`")
    if site.get("type", "folder") != "folder":
        raise ConfigError(f"{path}: the site is not a folder", "only the full cudepot publishes to a bucket")
    return _project(base, document, site, path)


def _project(base: str, document: Dict[str, Any], site: Dict[str, Any], path: str) -> Project:
    key, file = fingerprint(_text(site, "from", path)), _text(site, "from-keyring", path, KEYRING)
    keep, public = site.get("keep", 3), site.get("public", False)
    if type(keep) is not int or keep < 1 or not isinstance(public, bool):
        raise ConfigError(f"{path}: `keep` must be a number from 1, `public` true or false")
    return Project(
        base,
        Store(os.path.join(base, _text(document, "store", path, "store"))),
        os.path.join(base, _text(site, "path", path, "site")),
        keep,
        public,
        key,
        pinned(os.path.join(base, file), key),
        tuple(fingerprint(one) for one in texts(site, "upstream-keys", path)),
        tuple(texts(site, "unsigned-upstreams", path)),
        _channels(site, path),
    )


def _channels(site: Dict[str, Any], path: str) -> Tuple[str, ...]:
    names = texts(site, "channels", path)
    fault = names_fault(names)
    if fault:
        told = f"name each channel once, in lower-case letters, digits, - and _; not {' or '.join(TAKEN)}"
        raise ConfigError(f"{path}: 'channels' of [site] {fault}", told)
    return tuple(names)


def _text(table: Dict[str, Any], key: str, path: str, default: str = "") -> str:
    found = table.get(key, default)
    if not isinstance(found, str):
        raise ConfigError(f"{path}: expected a string in {key!r}")
    return found


def key_file(path: str) -> Tuple[str, bytes]:
    """Return the fingerprint of the one key in a file, and the key as gpgv reads it.

    Raises:
        ConfigError: the file cannot be read, or does not hold exactly one key.
    """
    try:
        with open(path, "rb") as handle:
            data = keyring(handle.read(), path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the public key: {error.strerror}", "check the path") from error
    found = fingerprints(data, path)
    if len(found) != 1:
        raise ConfigError(f"{path}: holds {len(found)} keys", "use keys/site.asc of the site, and nothing else")
    return found[0], data


def pinned(path: str, key: str) -> bytes:
    """Return the key of a file as gpgv reads it; raise ConfigError unless it is the pinned one."""
    found, data = key_file(path)
    if found != key:
        raise ConfigError(f"{path}: holds {found}, not {key}", "`from-keyring` of [site] in cudepot.toml")
    return data


def init(base: str, file: str, label: str, key: str, upstream_keys: List[str], unsigned: List[str]) -> str:
    """Make the project of a far side and return the fingerprint of the site's key.

    Args:
        base: its folder; made when missing.
        file: the site's public key, brought and compared by a person.
        label: who the site is.
        key: the fingerprint it has to have; empty where a person compares it afterwards.
        upstream_keys: fingerprints that may sign upstreams; empty for those the file came with.
        unsigned: upstreams of that site whose repositories nobody but the site signs.

    Raises:
        ConfigError: there is a project already, or the key is another.
    """
    path = os.path.join(base, NAME)
    if os.path.exists(path):
        raise ConfigError(f"{path}: exists", "use another folder")
    found, _ = key_file(file)
    if key and fingerprint(key) != found:
        raise ConfigError(f"{file}: holds {found}, not {fingerprint(key)}", "ask the near side; do not continue")
    if not _LABEL.fullmatch(label) or not all(_UPSTREAM.fullmatch(one) for one in unsigned):
        raise ConfigError("a label is lower-case letters, digits and dots; an upstream's name has no blanks or quotes")
    keys = [fingerprint(one) for one in upstream_keys] or known_keys()
    with open(file, "rb") as handle:
        write_atomic(os.path.join(base, KEYRING), handle.read())
    listed = "".join(f'  "{one}",\n' for one in keys)
    names = ", ".join(f'"{one}"' for one in unsigned)
    text = _TEMPLATE.format(label=label, key=found, keyring=KEYRING, upstream_keys=listed, unsigned=names)
    Store.create(os.path.join(base, "store"))
    write_atomic(path, text.encode())
    return found


def known_keys() -> List[str]:
    """Return the keys of NVIDIA's that the near side's cudepot knew when it wrote this file."""
    try:
        data = pkgutil.get_data("cudepot_far", "known-keys.json")
    except OSError:  # run from a checkout
        return []
    return [fingerprint(str(one)) for one in json.loads(data.decode())] if data else []


_HEADER = re.compile(r"\[([A-Za-z0-9_-]+)\]")
_PAIR = re.compile(r"([A-Za-z0-9_-]+)[ \t]*=[ \t]*(.*)", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\["\\bfnrt]|\\u[0-9a-fA-F]{4})*"')
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


def parse(text: str, what: str) -> Dict[str, Any]:
    """Return the values of a TOML document of the part that is read here; raise ConfigError for anything else."""
    document: Dict[str, Any] = {}
    table = document
    for number, line in _statements(text, what):
        header, pair = _HEADER.fullmatch(line), _PAIR.fullmatch(line)
        name = header.group(1) if header else pair.group(1) if pair else ""
        value = _value(pair.group(2)) if pair else {}
        if not name or value is None or name in (document if header else table):
            raise ConfigError(
                f"{what}, line {number}: not understood: {line[:80]!r}", "the full cudepot reads all TOML"
            )
        if header:
            table = document[name] = {}
        else:
            table[name] = value
    return document


def _statements(text: str, what: str) -> Iterator[Tuple[int, str]]:
    """Give the lines that say something, without comments; a list that goes over several lines is one."""
    open_, begun = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        bare = _bare(line.rstrip("\r"))
        if bare is None:
            raise ConfigError(f"{what}, line {number}: a string that does not end", "the full cudepot reads all TOML")
        open_, begun = (f"{open_} {bare}".strip(), begun) if open_ else (bare, number)
        if open_ and not (_is_open(open_)):
            yield begun, open_
            open_ = ""
    if open_:
        raise ConfigError(f"{what}, line {begun}: a list that does not end")


def _is_open(statement: str) -> bool:
    plain = _STRING.sub("", statement)
    return "=" in plain and plain.count("[") > plain.count("]")


def _bare(line: str) -> Optional[str]:
    """Return a line without its comment; None where a string does not end."""
    found, place = "", 0
    while place < len(line) and line[place] != "#":
        if line[place] == '"':
            string = _STRING.match(line, place)
            if not string:
                return None
            found, place = found + string.group(), string.end()
        else:
            found, place = found + line[place], place + 1
    return found.strip(" \t")


def _value(text: str) -> Any:
    """Return a value; None for what is not understood."""
    if _STRING.fullmatch(text):
        return json.loads(text)
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return int(text)
    if text.startswith("[") and text.endswith("]"):
        return _list(text[1:-1].strip(" \t"))
    return None


def _list(inside: str) -> Optional[List[str]]:
    found: List[str] = []
    while inside:
        string = _STRING.match(inside)
        if not string:
            return None
        found.append(json.loads(string.group()))
        inside = inside[string.end() :].lstrip(" \t")
        if inside and not inside.startswith(","):
            return None
        inside = inside[1:].lstrip(" \t")
    return found
