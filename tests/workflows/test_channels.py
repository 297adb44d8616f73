"""Channels of the site: published to the first, promoted to the next by one switch, all readable at once."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shlex
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.project import Project, snapshot_of
from tests.clients import http
from tests.clients.apt import AptRoot

from cudepot.cli.context import opened
from cudepot.workflows.publish.promote import Said, promote
from cudepot.workflows.publish.publish import publish

ROOT = Path(__file__).parents[2]
DEV, TEST, PROD = CHANNELS = ("dev", "test", "prod")


def with_channels(project: Project) -> Project:
    """Give a project channels and show its newest snapshot in the first."""
    project._head = project._head.replace("[site]\n", f"[site]\nchannels = {json.dumps(CHANNELS)}\n")
    project.write()
    project.run("publish")
    return project


@pytest.fixture
def channelled(grown: Project) -> Project:
    """A project with two snapshots and three channels, the first of which shows the newest."""
    return with_channels(grown)


def more(project: Project, version: str) -> None:
    """Publish another version of ``more``."""
    folder = project.base / "more"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    write_deb(simple_deb("more", version), folder)
    project.sections = [*project.sections[:2]]
    project.add("upstream", name="more", type="folder", path=str(folder))
    project.add("pin", upstream="more", packages=["*.deb"])
    project.publish()


def number_in(project: Project, channel: str) -> int:
    """Return the number of the snapshot that clients of a channel see."""
    number = json.loads((project.base / "site" / channel / "snapshot.json").read_bytes())["number"]
    assert isinstance(number, int)
    return number


def client(folder: Path, url: str, channel: str, project: Project) -> AptRoot:
    """Return an apt that reads ``more`` in a channel."""
    root = AptRoot(folder / channel)
    root.add_source(f"{url}/{channel}/apt/more/", project.base / "site" / channel / "keys/site.gpg")
    root.update()
    return root


def candidate(root: AptRoot) -> str:
    """Return the version that apt would install."""
    return root.policy("more").partition("Candidate: ")[2].split("\n")[0]


def test_what_is_published_comes_to_the_first_channel_alone(channelled: Project) -> None:
    assert number_in(channelled, DEV) == 2
    assert not (channelled.base / "site" / TEST).exists()
    assert str(channelled.site.readlink()) == "snapshots/000002", "clients from before keep what they had"
    more(channelled, "3.0")
    assert (number_in(channelled, DEV), number_in(channelled, "current")) == (3, 2)
    assert "unchanged" in channelled.run("publish").out


def test_apt_reads_two_channels_and_follows_one_back(channelled: Project, tmp_path: Path) -> None:
    """Real apt would ignore the roots of an older snapshot, so a promotion back has them signed anew."""
    for channel in (TEST, PROD):
        channelled.run("promote", {TEST: DEV, PROD: TEST}[channel], channel)
    more(channelled, "3.0")
    with http.serve(channelled.base / "site") as site:
        dev, test, prod = (client(tmp_path, site.url, one, channelled) for one in CHANNELS)
        assert [candidate(one) for one in (dev, test, prod)] == ["3.0", "2.0", "2.0"]
        done = channelled.run("promote", DEV, TEST, "-m", "looks good", "--by", "alice", "--json").json
        assert (done["number"], done["shows"], done["instead"]) == (3, 3, 2)
        assert [(one["kind"], one["before"], one["after"]) for one in done["changes"]] == [("changed", "2.0", "3.0")]
        for one in (test, prod):
            one.update()
        assert [candidate(one) for one in (test, prod)] == ["3.0", "2.0"]
        back = channelled.run("promote", DEV, TEST, "--snapshot", "2", "--json").json
        assert (back["number"], back["shows"], back["instead"]) == (4, 2, 3)
        test.update()
        assert candidate(test) == "2.0", "apt follows a channel back"
        dev.update()
        assert candidate(dev) == "3.0", "the others stay"
        channelled.run("promote", DEV, TEST)
        test.update()
        assert candidate(test) == "3.0", "and forth: roots of dev are older than those test's clients have seen"
        channelled.run("rollback", "2", "--channel", TEST)
        test.update()
        assert candidate(test) == "2.0"
    assert channelled.run("verify", "--json").json["faults"] == []
    assert "unchanged: snapshot 3" in channelled.run("publish").out, "what was made for test is nothing to dev"
    status = channelled.run("status", "--json").json
    assert (status["hold"], status["next"], status["alarms"]) == (None, "", [])
    assert status["channels"] == {DEV: 3, TEST: 6, PROD: 2}
    more(channelled, "4.0")
    assert number_in(channelled, DEV) == 7


def test_a_promotion_is_one_rename_and_a_signed_record(channelled: Project) -> None:
    channelled.run("promote", DEV, TEST)
    more(channelled, "3.0")
    before = snapshot_of(channelled.base / "site", channelled.store / "objects")
    channelled.run("promote", DEV, TEST, "-m", "looks good", "--by", "alice")
    after = snapshot_of(channelled.base / "site", channelled.store / "objects")
    assert {Path(one).name for one in before.items() ^ after.items() for one in one[:1]} == {TEST}
    (last, first) = channelled.run("channels", TEST, "--json").json["promotions"]
    assert (last["who"], last["why"], last["source"], last["snapshot"], last["instead"]) == (
        "alice", "looks good", DEV, 3, 2,
    )  # fmt: skip
    assert last["counts"] == {"apt": {"changed": 1}}
    assert [(one["name"], one["before"], one["after"]) for one in last["changes"]] == [("more", "2.0", "3.0")]
    assert (first["instead"], first["counts"], first["changes"]) == (0, {"apt": {"came": 2}}, [])
    assert "by alice: looks good; apt 1 changed" in channelled.run("channels", TEST).out
    assert "prod       shows nothing yet" in channelled.run("channels").out
    record = channelled.store / "promotions/000002.json"
    record.chmod(0o644)
    record.write_text(record.read_text().replace("alice", "bob"))
    assert "000002.json" in " ".join(channelled.run("verify", "--json", check=False).json["faults"])
    assert channelled.fail(5, "channels")


def test_a_dry_run_says_what_would_change(channelled: Project) -> None:
    channelled.run("promote", DEV, TEST)
    more(channelled, "3.0")
    before = channelled.everything()
    done = channelled.run("promote", DEV, TEST, "-n")
    assert "more 2.0 -> 3.0" in done.out
    assert "test would show snapshot 3 instead of 2" in done.out
    after = channelled.everything()
    assert {one for one in before.items() ^ after.items() if "store/lock" not in one[0]} == set()


def test_promoting_again_changes_nothing(channelled: Project) -> None:
    channelled.run("promote", DEV, TEST)
    before = snapshot_of(channelled.base / "site", channelled.store / "promotions")
    assert "test shows snapshot 2 already" in channelled.run("promote", DEV, TEST).out
    assert snapshot_of(channelled.base / "site", channelled.store / "promotions") == before


def test_a_run_that_was_killed_before_the_switch_is_completed(channelled: Project) -> None:
    channelled.run("promote", DEV, TEST)
    more(channelled, "3.0")
    channelled.run("promote", DEV, TEST)
    link = channelled.base / "site" / TEST
    link.unlink()
    link.symlink_to("snapshots/000002")
    assert "a promotion was cut short" in channelled.run("channels", check=False).out
    channelled.run("promote", DEV, TEST)
    assert number_in(channelled, TEST) == 3
    assert len(channelled.run("channels", TEST, "--json").json["promotions"]) == 2, "its record was there already"
    assert channelled.run("channels").rc == 0


def test_only_what_a_channel_showed_can_be_promoted_from_it(channelled: Project) -> None:
    assert "never shown in test" in channelled.fail(3, "promote", TEST, PROD, "--snapshot", "1").error
    assert "test shows nothing yet" in channelled.fail(3, "promote", TEST, PROD).error
    assert "no channel called 'live'" in channelled.fail(3, "promote", DEV, "live").error
    assert "published to" in channelled.fail(3, "promote", TEST, DEV).error
    channelled.run("promote", DEV, TEST)
    more(channelled, "3.0")
    channelled.run("promote", DEV, TEST)
    channelled.run("promote", TEST, PROD, "--snapshot", "2")
    assert number_in(channelled, PROD) == 2


def test_hooks_are_told_of_a_promotion(channelled: Project) -> None:
    said = channelled.base / "said.json"
    hook = ["sh", "-c", f"cat > {said}"]
    channelled.add("hook", name="chat", on=["promoted"], command=hook)
    channelled.run("promote", DEV, TEST, "--by", "alice")
    event = json.loads(said.read_text())
    assert (event["event"], event["channel"], event["from"], event["snapshot"], event["before"], event["who"]) == (
        "promoted", TEST, DEV, 2, None, "alice",
    )  # fmt: skip


def test_tags_are_never_moved_silently(channelled: Project) -> None:
    channelled.run("tag", "q3", "1")
    assert "tag of snapshot 1" in channelled.fail(3, "tag", "q3", "2").error
    channelled.run("tag", "--move", "q3", "2")
    channelled.run("tag", "q3", "2")
    channelled.run("tag", "old", "1", "-n")
    assert channelled.run("tag", "--json").json == {"q3": 2}
    channelled.run("promote", DEV, TEST, "--tag", "q3")
    assert "tagged q3" in channelled.run("channels").out
    assert "tagged q3" in channelled.run("snapshots").out
    channelled.run("tag", "--remove", "q3")
    assert channelled.run("tag", "--json").json == {}
    channelled.fail(3, "tag", "--remove", "q3")
    channelled.fail(3, "tag", "9", "1")
    assert "uses itself" in channelled.fail(3, "tag", "LOCK", "1").error
    channelled.fail(3, "tag", "none", "9")
    channelled.fail(3, "tag", "", "1")  # as a script says it whose variable is empty
    channelled.fail(3, "tag", "none", "0")
    assert "snapshot 0 is not" in channelled.fail(3, "promote", DEV, TEST, "--snapshot", "0").error
    channelled.fail(3, "promote", DEV, TEST, "--tag", "")


def test_gc_keeps_what_is_shown_and_tagged_and_says_why(channelled: Project) -> None:
    channelled.run("promote", DEV, TEST)
    channelled.run("tag", "first", "1")
    for version in ("3.0", "4.0", "5.0"):
        more(channelled, version)
    done = channelled.run("gc", "--keep", "1", "-n", "--force")
    assert "snapshot 1 is kept: tagged first\n" in done.out
    assert "snapshot 2 is kept: shown in test\n" in done.out
    assert "snapshot 5 is kept: one of the newest 1, shown in dev\n" in done.out
    assert channelled.run("gc", "--keep", "1", "--force", "--json").json["kept"] == [1, 2, 5]
    assert channelled.run("verify", "--json").json["faults"] == []
    file = channelled.base / "site" / TEST / "apt/more/more_2.0_amd64.deb"
    good = file.read_bytes()
    file.unlink()
    file.write_bytes(b"damaged")
    found = channelled.run("verify", "--json", check=False).json["faults"]
    assert [f"({TEST}): apt/more/more_2.0_amd64.deb: sha256 " in one for one in found] == [True]
    assert channelled.run("verify", "--channel", DEV, "--json").json["faults"] == []
    channelled.run("verify", "--repair", "--channel", TEST)
    assert (file.read_bytes(), channelled.run("verify", "--json").json["faults"]) == (good, [])
    object_ = channelled.object(good)
    object_.unlink()
    object_.write_bytes(b"damaged")
    file.unlink()
    file.write_bytes(good)
    assert "put back from the site" in channelled.run("verify", "--repair").out, "by a channel that is not the first"
    judged = {one["what"] for one in channelled.run("verify", "--clients", "--json").json if one["kind"] == "site"}
    assert {f"{DEV}/apt/more/InRelease", f"{TEST}/apt/more/InRelease"} <= judged
    assert "no channel called" in channelled.fail(3, "verify", "--channel", "none").error


def test_gc_keeps_what_a_promotion_that_was_cut_short_needs(channelled: Project) -> None:
    channelled.run("promote", DEV, TEST)
    more(channelled, "3.0")
    (channelled.base / "site" / TEST).unlink()  # as killed between the record and the switch
    told = "snapshot 2 is kept: promoted to test; that was cut short\n"
    assert told in channelled.run("gc", "--keep", "1", "-n", "--force").out
    assert channelled.run("gc", "--keep", "1", "--force", "--json").json["kept"] == [2, 3]
    assert "test: shows snapshot 2, as its record says\n" in channelled.run("publish").out


def test_a_site_without_channels_says_so(grown: Project) -> None:
    assert "no channels" in grown.fail(3, "promote", DEV, TEST).error
    assert "no channels" in grown.run("channels").out
    grown.toml.write_text(grown.toml.read_text().replace("[site]\n", '[site]\nchannels = ["keys"]\n'))
    told = grown.fail(3, "channels")
    assert "a channel in 'site.channels' is 'keys', a name that cudepot uses itself" in told.error
    assert "taken are apt, clients, compute, conda, " in told.hint


def test_the_guide_works_as_it_stands(channelled: Project) -> None:
    """The blocks of the page one after the other; snapshots 41 and 43 are 2 and 3 here."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/channels.md").read_text(), re.DOTALL)
    done = [_typed(channelled, blocks[0])]
    more(channelled, "3.0")
    done += [_typed(channelled, block) for block in blocks]
    assert "test would show snapshot 3 instead of 2" in done[1]
    assert "prod now shows snapshot 4, which is 2 again instead of 3" in done[2]
    assert "2026-q4 is the tag of snapshot 3, and no longer of 2" in done[3]
    assert channelled.run("tag", "--json").json == {}
    assert (channelled.base / "promoted.tar").exists()


def _typed(project: Project, block: str) -> str:
    """Run the commands of a block as somebody in the project's folder does; return what they print."""
    here = {"41": "2", "43": "3", "promoted.tar": str(project.base / "promoted.tar")}
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return "".join(project.run(*(here.get(word, word) for word in line[1:])).out for line in lines if line)


@pytest.mark.slow
def test_killed_at_any_moment_a_channel_shows_one_of_two_snapshots(channelled: Project) -> None:
    """Back and forth, so that roots are signed anew each time; what was killed is completed by the same command."""
    channelled.run("promote", DEV, TEST)
    more(channelled, "3.0")
    for number, delay in enumerate((0.3, 0.5, 0.7, 0.9, 1.2, 1.6)):
        argv = ("promote", DEV, TEST, *(("--snapshot", "2") if number % 2 else ()))
        child = channelled.start(*argv)
        time.sleep(delay)
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        assert (channelled.base / "site" / TEST / "apt/more/InRelease").is_file()
        channelled.run(*argv)
        debs = [one.name for one in (channelled.base / "site" / TEST / "apt/more").glob("*.deb")]
        assert debs == [f"more_{'2.0' if number % 2 else '3.0'}_amd64.deb"]
        assert channelled.run("channels").rc == 0
    records = channelled.run("channels", TEST, "--json").json["promotions"]
    assert [one["shows"] for one in reversed(records)] == [2, 3, 2, 3, 2, 3, 2], "each once"
    assert channelled.run("verify", "--json").json["faults"] == []


def test_roots_of_a_channel_are_signed_anew_before_they_expire(project: Project, tmp_path: Path) -> None:
    """By the nightly publish, although nothing is promoted: clients refuse a Release past its Valid-Until."""
    project._head = project._head.replace("[site]\n", f"[site]\nchannels = {json.dumps(CHANNELS[:2])}\n")
    (tmp_path / "debs").mkdir()
    write_deb(simple_deb("more", "1.0"), tmp_path / "debs")
    project.add("upstream", name="more", type="folder", path=str(tmp_path / "debs"), valid_for="1d")
    project.add("pin", upstream="more", packages=["*.deb"])
    project.run("lock")
    project.run("sync")
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    with opened(argparse.Namespace(directory=str(project.base), quiet=True)) as depot:
        publish(replace(depot, clock=lambda: past))
        promote(replace(depot, clock=lambda: past), DEV, TEST, said=Said("alice"))
    root = AptRoot(tmp_path / "root")
    with http.serve(project.base / "site") as site:
        root.add_source(f"{site.url}/{TEST}/apt/more/", project.base / "site" / TEST / "keys/site.gpg")
        assert "expired" in root.update(check=False).stderr
        done = project.run("publish")
        assert "test: roots signed again, snapshot 3 shows 1 again" in done.out
        root.update()
    assert candidate(root) == "1.0"
    last = project.run("channels", TEST, "--json").json["promotions"][0]
    assert (last["source"], last["shows"], last["who"]) == (TEST, 1, "cudepot publish")
    assert "unchanged" in project.run("publish").out
    assert project.run("channels", TEST, "--json").json["promotions"][0] == last
