"""Modules, groups and errata trimmed to what is there."""

from __future__ import annotations

import pytest
import yaml

from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.kinds.yum.rules.modules import trimmed_modules
from cudepot.kinds.yum.rules.trim import trimmed


def rpm(name: str, version: str, arch: str = "x86_64") -> Artifact:
    return Artifact("u", "rpm", name, version, arch, f"{name}.rpm", f"{name}.rpm", Digest("a" * 64, 1))


def stream(name: str, stream: str, *artifacts: str, requires: str = "{}") -> str:
    rpms = "".join(f"\n    - {one}" for one in artifacts)
    return (
        f"---\ndocument: modulemd\nversion: 2\ndata:\n  name: {name}\n  stream: {stream}\n  version: 20260101000000\n"
        f"  context: 01e23456\n  dependencies:\n  - requires: {requires}\n  profiles:\n    default:\n"
        f"      rpms: [{name}, bash]\n  artifacts:\n    rpms:{rpms}\n...\n"
    )


def defaults(name: str, stream: str) -> str:
    return f"---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: {name}\n  stream: {stream}\n...\n"


def modules(text: str, *rpms: Artifact) -> list[dict[str, dict[str, object]]]:
    return list(yaml.load_all(trimmed_modules(text.encode(), rpms, "modules", lambda _: None), yaml.BaseLoader))


LISTED = ("driver-3:1.10-1.x86_64", "driver-3:1.10-1.src", "extra-0:1-1.x86_64")
STREAMS = (
    stream("driver", "1.10", *LISTED, requires="{tool: []}"),
    stream("driver", "2", "driver-3:2-1.x86_64"),
    stream("tool", "7", "tool-0:7-1.x86_64"),
)
TEXT = "".join(STREAMS) + defaults("driver", "2") + defaults("tool", "7")


def test_streams_keep_what_is_there_and_what_they_need() -> None:
    driver, tool, default = modules(TEXT, rpm("driver", "3:1.10-1"))
    assert driver["data"]["stream"] == "1.10"
    assert driver["data"]["artifacts"] == {"rpms": ["driver-3:1.10-1.x86_64"]}
    assert driver["data"]["context"] == "01e23456"
    assert tool["data"]["name"] == "tool"
    assert "artifacts" not in tool["data"]
    assert tool["data"]["profiles"] == {"default": {"rpms": ["bash"]}}
    assert default["data"]["module"] == "tool", "a default that is not there would name nothing"


def test_nothing_is_left_where_no_package_is_modular() -> None:
    assert trimmed_modules(TEXT.encode(), [rpm("libcudnn8", "8-1")], "modules", lambda _: None) == b""


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object:os.system x\n---\n- [", "\x00"])
def test_malformed_modules_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        trimmed_modules(text.encode(), [], "modules", lambda _: None)


def test_groups_categories_and_environments_are_trimmed() -> None:
    text = b"""<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd"><comps>
    <group><id>a</id><packagelist><packagereq>x</packagereq><packagereq>y</packagereq></packagelist></group>
    <group><id>b</id><packagelist><packagereq>y</packagereq></packagelist></group>
    <category><id>c</id><grouplist><groupid>a</groupid><groupid>b</groupid></grouplist></category>
    <environment><id>e</id><grouplist><groupid>b</groupid></grouplist><optionlist><groupid>b</groupid></optionlist>
    </environment></comps>"""
    found = trimmed("group", text, [rpm("x", "1-1")], "comps").decode()
    assert "<id>a</id>" in found
    assert "<packagereq>y" not in found
    assert "<id>b</id>" not in found
    assert "<groupid>a" in found
    assert "<environment>" not in found
    assert trimmed("group", text, [rpm("z", "1-1")], "comps") == b""


def test_errata_are_trimmed_by_version_and_epoch() -> None:
    def update(name: str, *versions: tuple[str, str]) -> str:
        packages = "".join(
            f'<package name="x" epoch="{epoch}" version="{version}" release="1" arch="x86_64"><filename/></package>'
            for version, epoch in versions
        )
        return f"<update><id>{name}</id><pkglist><collection>{packages}</collection></pkglist></update>"

    text = f"<updates>{update('one', ('1', '0'), ('2', '3'))}{update('two', ('1', '7'))}</updates>"
    found = trimmed("updateinfo", text.encode(), [rpm("x", "3:2-1")], "updateinfo").decode()
    assert "<id>one</id>" in found
    assert 'version="2"' in found
    assert 'version="1"' not in found
    assert "<id>two</id>" not in found
    with pytest.raises(FormatError):
        trimmed("updateinfo", b'<!DOCTYPE a [<!ENTITY b "c">]><updates/>', [], "updateinfo")
