"""Says what a build requires, or makes the wheel (PEP 517): ``__main__.py requires|wheel SOURCE OUT``.

``build`` and what it imports are in ``lib`` beside this file, for this process alone: the backend, which is run in a
process of its own, sees what its requirements brought and nothing of ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def _main(action: str, source: str, out: str) -> None:
    sys.path.insert(0, str(Path(__file__).parent / "lib"))
    from build import BuildBackendException, BuildException, ProjectBuilder  # noqa: PLC0415

    try:
        project = ProjectBuilder(source)
        if action == "requires":
            Path(out, "requires.json").write_text(json.dumps(sorted(project.get_requires_for_build("wheel"))))
        else:
            project.build("wheel", out)
    except BuildBackendException:
        sys.exit(1)  # the backend has said why
    except BuildException as error:
        sys.exit(str(error))


_main(*sys.argv[1:])
