"""Asks dnf's own Python what it would install, many questions in one process: JSON in, JSON out.

Run by the Python that has dnf's modules, Debian's, and never imported by the tests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dnf
import dnf.exceptions
import dnf.module.module_base


def answer(folder: str, question: dict) -> dict:
    """Return the packages of one transaction as ``REPOSITORY NEVRA``, or the error."""
    with dnf.Base() as base:
        conf = base.conf
        conf.installroot, conf.cachedir, conf.persistdir, conf.logdir = (
            f"{folder}/{name}" for name in ("root", "cache", "persist", "log")
        )
        conf.reposdir, conf.varsdir, conf.pluginpath, conf.plugins = [], [], [], False
        conf.substitutions["arch"], conf.substitutions["basearch"] = (question.get("arch", "x86_64"),) * 2
        conf.substitutions["releasever"] = "9"
        conf.module_platform_id = question.get("platform", "platform:el9")
        conf.install_weak_deps = bool(question.get("weak"))
        conf.best = question.get("best", True)
        conf.zchunk = False
        for one in question["repositories"]:
            base.repos.add_new_repo(
                one["name"], conf, baseurl=[one["url"]], priority=one.get("priority", 99),
                excludepkgs=one.get("excludes", []), gpgcheck=False, repo_gpgcheck=False, metadata_expire=0,
            )  # fmt: skip
        try:
            base.fill_sack(load_system_repo=False)
            base.read_comps()
            modules = [one for one in question["names"] if one.startswith("@")]
            rest = [one for one in question["names"] if not one.startswith("@")]
            if modules:
                dnf.module.module_base.ModuleBase(base).install([one[1:] for one in modules], strict=True)
            for one in rest:
                base.install(one, strict=True)
            base.resolve()
        except (dnf.exceptions.Error, dnf.exceptions.MarkingErrors) as error:
            return {"error": str(error)}
        return {"packages": sorted(f"{one.reponame} {one}" for one in base.transaction.install_set)}


def main() -> None:
    """Answer the questions of standard input."""
    folder, questions = json.load(sys.stdin)
    for name in ("root", "cache", "persist", "log"):
        Path(folder, name).mkdir(parents=True, exist_ok=True)
    print(json.dumps([answer(folder, one) for one in questions]))


if __name__ == "__main__":
    main()
