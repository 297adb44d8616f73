"""``cudepot trust``: keys are shown, pinned after a yes, taken back; comments of cudepot.toml survive."""

from __future__ import annotations

import datetime
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from simulator.keys import KeyHome
from simulator.nvidia import Nvidia
from simulator.project import Project
from simulator.site_key import SiteKey

APT = "ubuntu2004/x86_64"
NOTE = "# compared with SIGNATURES.md by two of us"


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path, nvidia: Nvidia) -> Project:
    """A project that mirrors NVIDIA and has a comment to lose."""
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    project.add_apt(nvidia)
    project.toml.write_text(project.toml.read_text().replace("\n[[pin]]", f"{NOTE}\n\n[[pin]]"))
    return project


@pytest.fixture
def other(nvidia: Nvidia, tmp_path: Path) -> Path:
    """The file of a good key that nobody pinned."""
    path = tmp_path / "other.pub"
    path.write_bytes(nvidia.other_key.armored)
    return path


def keys(project: Project) -> list[str]:
    found: list[str] = tomllib.loads(project.toml.read_text())["upstream"][0]["keys"]
    return found


def test_list_says_what_is_known_of_a_key(project: Project, nvidia: Nvidia) -> None:
    (one,) = project.run("trust", "list", "--json").json
    (key,) = one["keys"]
    assert (one["upstream"], key["fingerprint"], key["state"]) == (APT, nvidia.key.fingerprint, "pinned")
    assert key["key"]["uid"] == "cudatools <cudatools@example.com>"
    (part,) = key["key"]["parts"]
    assert (part["algorithm"], part["bits"], part["created"], part["expires"]) == ("rsa", 2048, "2019-01-01", "")
    assert part["digest"] in ("SHA256", "SHA512")
    text = project.run("trust", "list").out
    assert "never expires, self-signature over SHA" in text


def test_list_names_keys_that_a_file_holds_and_nobody_pinned(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    both = tmp_path / "both.gpg"
    both.write_bytes(nvidia.key.binary + nvidia.other_key.binary)
    project.toml.write_text(project.toml.read_text().replace(str(nvidia.key_file), str(both)))
    (one,) = project.run("trust", "list", "--json").json
    states = {key["fingerprint"]: key["state"] for key in one["keys"]}
    assert states == {nvidia.key.fingerprint: "pinned", nvidia.other_key.fingerprint: "not pinned"}


def test_list_says_which_key_file_is_not_there(project: Project, nvidia: Nvidia) -> None:
    project.toml.write_text(project.toml.read_text().replace(str(nvidia.key_file), "keys/absent.pub"))
    (one,) = project.run("trust", "list", "--json").json
    assert one["missing"] == ["keys/absent.pub"]
    assert [(key["state"], key["key"]) for key in one["keys"]] == [("pinned", None)]


def test_a_rotation_from_refusal_to_new_key(project: Project, nvidia: Nvidia, other: Path) -> None:
    project.run("lock")
    nvidia.repo.sign(nvidia.other_key)
    refused = project.fail(5, "lock")
    assert f"`cudepot trust add {APT} KEYFILE`" in refused.hint
    shown = project.run("trust", "add", APT, str(other), check=False)
    assert shown.rc == 3
    assert "nothing was changed" in shown.out
    spaced = " ".join(nvidia.other_key.fingerprint[at : at + 4] for at in range(0, 40, 4))
    assert f"+ {spaced}" in shown.out
    assert keys(project) == [nvidia.key.fingerprint]

    done = project.run("trust", "add", APT, str(other), "--yes", "--json").json
    assert done["changed"]
    assert keys(project) == [nvidia.key.fingerprint, nvidia.other_key.fingerprint]
    assert NOTE in project.toml.read_text()
    assert (project.base / done["file"]).read_bytes() == other.read_bytes()
    project.run("lock")
    nvidia.repo.sign(nvidia.key)
    project.run("lock")  # several keys at once are valid

    project.run("trust", "expire", APT, nvidia.key.fingerprint)
    text = project.toml.read_text()
    assert keys(project) == [nvidia.other_key.fingerprint]
    assert f"since {datetime.datetime.now(datetime.UTC).date()}" in text
    assert NOTE in text
    nvidia.repo.publish()
    assert "a key that is not pinned" in project.fail(5, "lock").error
    nvidia.repo.sign(nvidia.other_key)
    project.run("lock")


def test_an_expired_key_may_sign_no_more_even_where_it_is_pinned(project: Project, nvidia: Nvidia, other: Path) -> None:
    project.run("trust", "add", APT, str(other), "--yes")
    project.run("trust", "expire", APT, nvidia.key.fingerprint)
    project.toml.write_text(project.toml.read_text().replace("keys = [", f'keys = ["{nvidia.key.fingerprint}", ', 1))
    assert "a key that is not pinned" in project.fail(5, "lock").error
    again = project.run("trust", "add", APT, str(nvidia.key_file), "--yes", "--json").json
    assert nvidia.key.fingerprint in again["after"]
    project.run("lock")


def test_a_dry_run_and_a_no_change_nothing(project: Project, nvidia: Nvidia, other: Path) -> None:
    before = project.everything()
    assert project.run("trust", "add", APT, str(other), "--yes", "-n", "--json").json["changed"] is False
    project.run("trust", "add", APT, str(other), check=False)
    assert project.everything() == before


@pytest.mark.parametrize(("answer", "changed"), [("y", True), ("no", False), ("", False)])
def test_a_person_is_asked(project: Project, nvidia: Nvidia, other: Path, answer: str, changed: bool) -> None:
    master, terminal = pty.openpty()
    argv = [sys.executable, "-m", "cudepot.cli.main", "trust", "add", "-C", str(project.base), APT, str(other)]
    with subprocess.Popen(
        argv, env=project.env, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        os.write(master, f"{answer}\n".encode())
        _, err = child.communicate(timeout=60)
    os.close(terminal)
    os.close(master)
    assert "pin this key? [y/N]" in err
    assert child.returncode == (0 if changed else 3)
    assert (nvidia.other_key.fingerprint in keys(project)) == changed


def test_what_add_refuses(project: Project, nvidia: Nvidia, other: Path, tmp_path: Path) -> None:
    before = project.everything()
    nonsense, both, old = tmp_path / "nonsense", tmp_path / "both", tmp_path / "old"
    nonsense.write_bytes(b"<html>404</html>")
    both.write_bytes(nvidia.key.binary + nvidia.other_key.binary)
    old.write_bytes(nvidia.artifacts.expired_key.binary)
    assert "not an OpenPGP public key" in project.fail(3, "trust", "add", APT, str(nonsense), "--yes").error
    assert "cannot read" in project.fail(3, "trust", "add", APT, str(tmp_path / "absent"), "--yes").error
    assert "the key expired on 2020-01-02" in project.fail(3, "trust", "add", APT, str(old), "--yes").error
    assert "choose one with --key" in project.fail(3, "trust", "add", APT, str(both), "--yes").hint
    assert "there is no upstream" in project.fail(3, "trust", "add", "nowhere", str(other), "--yes").error
    wrong = project.fail(5, "trust", "add", APT, str(other), "--key", "A" * 40, "--yes")
    assert "does not hold" in wrong.error
    assert project.everything() == before


def test_what_expire_refuses(project: Project, nvidia: Nvidia) -> None:
    assert "the only key" in project.fail(3, "trust", "expire", APT, nvidia.key.fingerprint).error
    assert "is not pinned" in project.fail(3, "trust", "expire", APT, "A" * 40).error
    assert "not a full OpenPGP fingerprint" in project.fail(3, "trust", "expire", APT, "3BF863CC").error


def test_a_revoked_key_is_not_added(project: Project, tmp_path: Path) -> None:
    with KeyHome() as home:
        path = tmp_path / "revoked"
        path.write_bytes(home.revoke(home.generate("gone <gone@example.com>")).binary)
    assert "has been revoked" in project.fail(3, "trust", "add", APT, str(path), "--yes").error


def test_a_preset_is_written_out_when_a_key_is_added(project: Project, nvidia: Nvidia, other: Path) -> None:
    project.toml.write_text('[[upstream]]\npreset = "nvidia/ubuntu2004/x86_64"   # ours\n\n# the end\n')
    (told,) = project.run("trust", "list", "--json").json
    assert (told["missing"], [one["shipped"] for one in told["keys"]]) == ([], [True])
    assert "keys/3bf863cc.pub, which comes with cudepot" in project.run("trust", "list").out
    project.run("trust", "add", APT, str(other), "--yes")
    (table,) = tomllib.loads(project.toml.read_text())["upstream"]
    assert table["keys"] == ["EB693B3035CD5710E231E123A4B469963BF863CC", nvidia.other_key.fingerprint]
    assert table["keyrings"] == ["keys/3bf863cc.pub", f"keys/{nvidia.other_key.fingerprint[-8:].lower()}.pub"]
    assert project.toml.read_text().endswith("\n\n# the end\n")
    project.run("trust", "expire", APT, table["keys"][0])
    assert keys(project) == [nvidia.other_key.fingerprint]


def test_keys_of_packages_follow_the_keys_of_the_root(project: Project, nvidia: Nvidia, other: Path) -> None:
    project.toml.write_text('[[upstream]]\npreset = "nvidia/rhel8/x86_64"\n')
    before = ["610C7B14E068A878070DA4E99CD0A493D42D0685", "C95B321B61E88C1809C4F759DDCAE044F796ECB0"]
    project.run("trust", "add", "rhel8/x86_64", str(other), "--yes")
    (table,) = tomllib.loads(project.toml.read_text())["upstream"]
    assert table["keys"] == [before[0], nvidia.other_key.fingerprint]
    assert table["rpm-keys"] == [*before, nvidia.other_key.fingerprint]
    project.run("trust", "expire", "rhel8/x86_64", nvidia.other_key.fingerprint)
    (told,) = project.run("trust", "list", "--json").json
    states = {one["fingerprint"]: one["state"] for one in told["keys"]}
    assert states == dict.fromkeys(before, "pinned") | {nvidia.other_key.fingerprint: "expired"}


def test_an_empty_list_of_keys_of_packages_stays_empty(project: Project, other: Path) -> None:
    project.toml.write_text('[[upstream]]\npreset = "nvidia/rhel8/x86_64"\nrpm-keys = []\n')
    project.run("trust", "add", "rhel8/x86_64", str(other), "--yes")
    assert tomllib.loads(project.toml.read_text())["upstream"][0]["rpm-keys"] == []


def test_a_missing_key_file_is_answered_with_place_and_fingerprint(project: Project) -> None:
    (project.base / "up/repodata").mkdir(parents=True)
    (project.base / "up/repodata/repomd.xml").write_bytes(b"x")
    preset(project, "rhel8/x86_64", f"file://{project.base}/up/")
    refused = project.fail(3, "lock")
    assert refused.error.endswith("keys/D42D0685.pub: cannot read the public key")
    assert "/rhel8/x86_64/D42D0685.pub yourself" in refused.hint
    assert "610C7B14E068A878070DA4E99CD0A493D42D0685" in refused.hint


def test_a_preset_needs_no_key_file_of_ones_own_and_trusts_nobody_else(project: Project, nvidia: Nvidia) -> None:
    preset(project, APT, tomllib.loads(project.toml.read_text())["upstream"][0]["url"])
    assert "EB693B3035CD5710E231E123A4B469963BF863CC" in project.fail(5, "lock").hint
    own = project.base / "keys/3bf863cc.pub"
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(nvidia.key.armored)
    refused = project.fail(3, "lock").error
    assert str(own) in refused, "a file of the project's own goes before"
    assert nvidia.key.fingerprint in refused


def preset(project: Project, name: str, url: str) -> None:
    """Let cudepot.toml have one upstream, a preset at an address of our own."""
    table = f'[[upstream]]\npreset = "nvidia/{name}"\nurl = "{url}"\n'
    project.toml.write_text(f'{table}[[pin]]\nupstream = "{name}"\npackages = ["x"]\n')


def test_presets_are_listed_without_a_project(project: Project, tmp_path: Path) -> None:
    found = project.run("upstreams", "--json", "ubuntu2004").json
    assert {one["name"] for one in found["presets"]} >= {"nvidia/ubuntu2004/x86_64", "nvidia/ubuntu2004/arm64"}
    assert {one["until"] for one in found["keys"]} == {"", "2022-04-28"}
    assert "no preset matches" in project.run("upstreams", "plan9").out


def test_the_file_of_a_pinned_key_is_put_where_it_is_expected(project: Project, nvidia: Nvidia) -> None:
    project.toml.write_text(project.toml.read_text().replace(str(nvidia.key_file), "keys/nvidia.pub"))
    before = project.toml.read_bytes()
    assert "cannot read the public key" in project.fail(3, "verify", "--clients").error
    done = project.run("trust", "add", APT, str(nvidia.key_file), "--yes", "--json").json
    assert (done["file"], done["before"]) == ("keys/nvidia.pub", done["after"])
    assert project.toml.read_bytes() == before
    project.run("lock")


def test_a_key_file_that_comes_with_cudepot_is_not_overlaid(project: Project, nvidia: Nvidia, other: Path) -> None:
    pinned, file = nvidia.key.fingerprint, str(nvidia.key_file)
    text = project.toml.read_text().replace(f'"{file}"', f'"{file}", "keys/f796ecb0.pub"')
    project.toml.write_text(text.replace(f'"{pinned}"', f'"{pinned}", "{nvidia.other_key.fingerprint}"'))
    done = project.run("trust", "add", APT, str(other), "--yes", "--json").json
    assert done["file"] == f"keys/{nvidia.other_key.fingerprint[-8:].lower()}.pub"


def test_a_key_file_of_another_key_is_not_overwritten(project: Project, nvidia: Nvidia, other: Path) -> None:
    taken = project.base / "keys" / f"{nvidia.other_key.fingerprint[-8:].lower()}.pub"
    taken.parent.mkdir()
    taken.write_bytes(nvidia.key.binary)
    done = project.run("trust", "add", APT, str(other), "--yes", "--json").json
    assert done["file"] == f"keys/{nvidia.other_key.fingerprint}.pub"
    assert taken.read_bytes() == nvidia.key.binary
