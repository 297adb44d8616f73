"""Why an apt upstream has a newer version of a package: what its Release says the repository is.

Debian's and Ubuntu's indexes name no advisories; the suite says that it is for security.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cudepot.catalog.lock import Artifact, Lock, LockedUpstream
from cudepot.kinds.kind import Because


def because(lock: Lock, artifacts: Sequence[Artifact]) -> Mapping[Artifact, Because]:
    """Return for each artifact of a lock what its upstream is: ``Debian-Security bookworm-security``."""
    of = {one.name: _called(one) for one in lock.upstreams}
    return {one: Because(of[one.upstream]) for one in artifacts if of.get(one.upstream)}


def _called(upstream: LockedUpstream) -> str:
    """Return label and codename of a repository; its suite (``stable-security``) means another one next year."""
    return " ".join(filter(None, (upstream.label, upstream.codename or upstream.suite)))
