"""Judges the files of cuDNN that a running process has mapped: are they of one version, and still on disk?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor.values import Finding, Severity, Version, dotted

_DELETED = " (deleted)"
Mapped = Sequence[tuple[str, Version | None]]
"""Path, and version as far as the file says one."""


def mixed(pid: int, files: Mapped) -> Iterator[Finding]:
    """Name parts of several versions or places, and files that were replaced since."""
    gone = [path for path, _ in files if path.endswith(_DELETED)]
    if gone:
        yield Finding(
            Severity.WARNING, "replaced-since", f"process {pid} runs {gone[0].removesuffix(_DELETED)}, replaced since",
            "what it loads next is the new version, alongside the old one it has loaded", f"restart process {pid}",
        )  # fmt: skip
    versions = {version[:3] for _, version in files if version}
    if len(versions) > 1:
        yield Finding(
            Severity.ERROR, "mixed-process",
            f"process {pid} has parts of cuDNN {' and '.join(map(dotted, sorted(versions)))}",
            "calls end with CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH or compute nonsense",
            "find out with `cudepot doctor` where the second comes from; often it is LD_LIBRARY_PATH",
        )  # fmt: skip
