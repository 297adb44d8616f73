"""The site's page: in headless Chromium by clicking through, by keyboard, on a phone, in the dark, without script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from simulator.process import run
from tests.clients import http
from tests.clients.apt import AptRoot
from tests.integration.page import Browser, choose, chosen, commands, steps, until, values
from tests.integration.showcase import APT, showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.catalog.site.snapshot import Tree
from cudepot.data import data_folder
from cudepot.digest import Digest
from cudepot.workflows.publish.page_text import render_page

CUDNN = "cuDNN 8.0.5.39 for CUDA"
DEBIAN = {"version": f"{CUDNN} 11.1", "os": "Linux", "distro": "Ubuntu 20.04", "type": "deb"}


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


@pytest.mark.slow
def test_versions_are_there_before_any_click(url: str, browser: Browser) -> None:
    browser.get(f"{url}/")
    shown = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "#steps label") if one.is_displayed()]
    assert shown[:3] == ["8.0.5.39 for CUDA 11.1", "8.0.5.39 for CUDA 10.2", "11.3.0.106 for CUDA 11"]
    assert [one.text for one in browser.find_elements(By.CSS_SELECTOR, "#steps legend")] == [
        "cuDNN", "cuBLAS", "Everything in"
    ]  # fmt: skip
    assert steps(browser) == []
    assert commands(browser) == ""


@pytest.mark.slow
def test_one_choice_that_is_left_is_made(url: str, browser: Browser) -> None:
    chosen(browser, url, {"version": f"{CUDNN} 11.1"})
    assert steps(browser) == ["Operating system"]
    choose(browser, "os", "Linux")
    assert steps(browser) == ["Operating system", "Architecture", "Distribution"]
    choose(browser, "distro", "Ubuntu 20.04")
    assert sorted(values(browser, "type")) == ["conda", "deb", "deb-local", "mamba", "pip", "tar", "uv"]
    choose(browser, "distro", "RHEL 8")
    assert {"rpm", "rpm-local"} <= set(values(browser, "type"))
    assert browser.get_log("browser") == [], "no error, nothing blocked"


@pytest.mark.slow
def test_choices_are_in_the_url_and_the_back_button_undoes_them(url: str, browser: Browser) -> None:
    text = chosen(browser, url, DEBIAN)
    link = browser.current_url
    browser.back()
    until(browser, lambda: commands(browser) == "")
    assert "type" not in browser.current_url
    browser.forward()
    until(browser, lambda: commands(browser) == text)
    browser.get("about:blank")
    browser.get(link)
    assert commands(browser) == text, "the link is enough"
    browser.find_element(By.CSS_SELECTOR, "#finder input").send_keys("libcudnn8-dev 10.2")
    until(browser, lambda: "find=libcudnn8-dev+10.2" in browser.current_url)
    assert commands(browser) == text


@pytest.mark.slow
def test_a_link_to_what_is_no_longer_there_says_so(url: str, browser: Browser) -> None:
    browser.get("about:blank")
    browser.get(f"{url}/#version=cuDNN+7.0")
    assert browser.find_element(By.ID, "lost").text == "This site does not hold cuDNN 7.0."
    assert commands(browser) == ""


@pytest.mark.slow
def test_a_package_is_found_and_installed_alone(url: str, browser: Browser) -> None:
    browser.get("about:blank")
    browser.get(f"{url}/")
    assert browser.find_element(By.ID, "count").text == "Find any of 16 packages"
    field = browser.find_element(By.ID, "find")
    field.send_keys("LIBCUDNN8 10.2")
    found = browser.find_elements(By.CSS_SELECTOR, "#found a")
    assert [one.text for one in found] == ["libcudnn8 8.0.5.39-1+cuda10.2", "libcudnn8-dev 8.0.5.39-1+cuda10.2"]
    field.send_keys(Keys.ENTER)
    until(browser, lambda: commands(browser) != "")
    assert commands(browser).splitlines()[-1] == "sudo apt-get install libcudnn8=8.0.5.39-1+cuda10.2"
    assert "file=apt" in browser.current_url
    browser.get("about:blank")
    browser.get(f"{url}/#find=note")
    browser.find_element(By.CSS_SELECTOR, "#found a").click()
    until(browser, lambda: commands(browser) != "")
    assert commands(browser).startswith("curl -fsSLo 'it'\\''s a note.txt' '")


@pytest.mark.slow
@pytest.mark.parametrize(
    "version", ["Everything in conda/main", "Everything in simple", "Everything in yum/rhel8/x86_64"]
)
def test_a_whole_repository_is_a_choice(url: str, browser: Browser, version: str) -> None:
    chosen(browser, url, {"version": version})
    if "type" in browser.current_url or not commands(browser):
        choose(browser, "type", values(browser, "type")[0])
    wanted = version.removeprefix("Everything in ")
    assert f"{url}/{wanted}" in commands(browser)


@pytest.mark.slow
def test_of_several_variants_one_is_kept_as_the_page_says(
    showcase: Project,  # noqa: F811
    url: str,
    browser: Browser,
    tmp_path: Path,
) -> None:
    """Only where a repository has another version: `apt-get upgrade` goes to the newest, and not after the hold."""
    text = chosen(browser, url, DEBIAN | {"version": f"{CUDNN} 10.2"})
    (hold,) = re.findall(r"keep this one with sudo (apt-mark hold .*)\.$", browser.find_element(By.ID, "note").text)
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{(showcase.site / 'apt' / APT).as_uri()}/", showcase.site / "keys/site.gpg")
    root.update()
    root.install(*text.splitlines()[-1].split()[3:])
    assert "2 upgraded" in root.apt_get("--simulate", "upgrade").stdout
    run(*hold.split(), env=root.env)
    assert "0 upgraded" in root.apt_get("--simulate", "upgrade").stdout
    choose(browser, "version", f"{CUDNN} 11.1")
    choose(browser, "distro", "RHEL 8")
    choose(browser, "type", "rpm")
    assert "upgrade" not in browser.find_element(By.ID, "note").text


@pytest.mark.slow
def test_copying(url: str, browser: Browser) -> None:
    text = chosen(browser, url, DEBIAN)
    browser.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    browser.find_element(By.ID, "copy").click()
    pasted = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0], arguments[0])")
    assert pasted == text
    assert browser.find_element(By.ID, "copy").text == "Copied"


def _tab_to(browser: Browser, step: str) -> None:
    for _ in range(8):
        if browser.switch_to.active_element.get_attribute("name") == step:
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)


def _focused(browser: Browser) -> tuple[str, str]:
    """Return step and value of the choice that has the focus, once it is made."""
    step, value, made = browser.execute_script("let a = document.activeElement; return [a.name, a.value, a.checked]")
    return (step, value) if made else ("", "")


def _has(browser: Browser, choice: tuple[str, str]) -> bool:
    return _focused(browser) == choice


@pytest.mark.slow
def test_by_keyboard_alone(url: str, browser: Browser) -> None:
    browser.get("about:blank")
    browser.get(f"{url}/")
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("class") == "skip"
    for choice in (("version", f"{CUDNN} 11.1"), ("os", "Linux"), ("distro", "RHEL 8")):
        _tab_to(browser, choice[0])
        browser.switch_to.active_element.send_keys(Keys.SPACE)
        until(browser, partial(_has, browser, choice))
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    until(browser, partial(_has, browser, ("distro", "Ubuntu 20.04")))
    assert "Installer type" in steps(browser)


@pytest.mark.slow
def test_on_a_phone_nothing_is_wider_than_the_screen(url: str, browser: Browser) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        chosen(browser, url, DEBIAN)
        browser.find_element(By.ID, "find").send_keys("cudnn")
        for one in browser.find_elements(By.TAG_NAME, "summary"):
            one.click()
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def _luminance(color: str) -> float:
    parts = [int(one) / 255 for one in re.findall(r"\d+", color)[:3]]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_in_the_light_and_in_the_dark(url: str, browser: Browser, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    chosen(browser, url, {"version": f"{CUDNN} 11.1"})
    paper = browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert (_luminance(paper) > 0.5) == (scheme == "light")
    for selector in ("h1", ".lead", "legend", "#count", "a[href='snapshot.json']", "dd"):
        ink = browser.find_element(By.CSS_SELECTOR, selector).value_of_css_property("color")
        light, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (selector, ink, paper)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.slow
def test_without_script_the_list_is_there(url: str, browser: Browser) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(f"{url}/?plain")
        assert not browser.find_element(By.ID, "picker").is_displayed()
        assert "Without JavaScript" in browser.find_element(By.TAG_NAME, "body").text
        for one in browser.find_elements(By.CSS_SELECTOR, "#contents summary"):
            one.click()
        text = browser.find_element(By.TAG_NAME, "body").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert f"apt/{APT}/" in text
    assert "8.0.5.39-1+cuda11.1" in text


class _Links(HTMLParser):
    """All that a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src", "srcset", "action") and value]


def test_it_names_what_is_there_and_loads_nothing(showcase: Project) -> None:  # noqa: F811
    page = (showcase.site / "index.html").read_text()
    links = _Links()
    links.feed(page)
    assert len(links.found) > 12
    for one in links.found:
        assert one.startswith("#") or (showcase.site / unquote(one)).exists(), one
    snapshot = json.loads((showcase.site / "snapshot.json").read_text())
    assert f"Snapshot {snapshot['number']}, published {snapshot['created'][:10]}" in page
    assert snapshot["signer"] in page.replace(" ", "")
    assert "url(" not in page
    assert "@import" not in page
    assert "cudepot export" not in page, "its reader has no cudepot"
    assert "cudepot client" not in page


def test_publishing_again_keeps_the_page(showcase: Project) -> None:  # noqa: F811
    before = (showcase.site / "index.html").read_bytes()
    assert not json.loads(showcase.cudepot("publish", "--json").stdout)["fresh"]
    assert (showcase.site / "index.html").read_bytes() == before


def _page(held: tuple[Held, ...], label: str = "acme", tree: Tree = MappingProxyType({})) -> str:
    folder = data_folder("channel-config") / "page"
    parts = {name: (folder / name).read_text() for name in ("index.html", "page.css", "page.js")}
    keys = Digest("0" * 64, 1), Digest("1" * 64, 1)
    site = SiteFacts(label, "conda/main", 1, "2026-11-24T03:00:00Z", "A" * 40, *keys, held)
    return render_page(site, Lock(), tree, parts).decode()


def test_a_hostile_name_stays_text() -> None:
    name = "cudnn</script><script>alert(1)</script><!--@SCRIPT@"
    page = _page((Held("deb", name, "8.0.5.39-1", "amd64", "apt/x", "apt/x/a.deb", Digest("0" * 64, 1)),))
    assert "<script>alert" not in page
    assert page.count("<script") == 2
    assert name in json.loads(page.partition('id="data">')[2].partition("</script>")[0])["offers"][0]["specs"][0]


def test_an_empty_site_has_a_page() -> None:
    page = _page(())
    assert "No packages yet." in page
    assert '"offers": []' in page


@pytest.mark.slow
def test_thousands_of_packages_are_searched_in_a_file_without_a_network(browser: Browser, tmp_path: Path) -> None:
    """Each one of them is a choice, and no more rows are drawn than anybody reads."""
    place = "apt/debian12"
    names = [f"lib{one}" for one in range(5_000)] + ["needle"]
    held = tuple(
        Held("deb", name, "1.0-1", "amd64", place, f"{place}/{name}_1.0-1_amd64.deb", Digest("0" * 64, 1))
        for name in names
    )
    (file := tmp_path / "index.html").write_text(_page(held))
    browser.get(file.as_uri())
    assert browser.find_element(By.ID, "count").text == "Find any of 5,001 packages"
    field = browser.find_element(By.ID, "find")
    field.send_keys("lib")
    assert browser.find_element(By.ID, "hits").text.startswith("50 of 5,000 shown")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#found li")) == 50
    field.clear()
    field.send_keys("needle", Keys.ENTER)
    until(browser, lambda: commands(browser) != "")
    assert commands(browser).splitlines()[-1] == "sudo apt-get install needle=1.0-1"


@pytest.mark.slow
def test_packages_of_a_repository_mirrored_whole_are_found_too(browser: Browser, tmp_path: Path) -> None:
    """Their names have no epoch, so apt is given a pattern; dnf needs none."""
    names = ["InRelease", "pool/main/g/gcc/gcc_12.2.0-3_amd64.deb", "pool/main/g/gcc/gcc-doc_12.2.0-3_all.deb"]
    tree = {f"apt/debian/{one}": Digest("0" * 64, 1) for one in names}
    tree |= {f"yum/rhel9/x86_64/{one}": Digest("0" * 64, 1) for one in ("repodata/repomd.xml", "a/gcc-11-2.x86_64.rpm")}
    (file := tmp_path / "index.html").write_text(_page((), tree=tree))
    browser.get(file.as_uri())
    assert browser.find_element(By.ID, "count").text == "Find any of 3 packages"
    for words, command in {
        "gcc amd64": "sudo apt-get install 'gcc=*12.2.0-3'",
        "gcc rhel9": "sudo dnf install --setopt='*.skip_if_unavailable=1' gcc-11-2",
    }.items():  # fmt: skip
        browser.find_element(By.ID, "find").clear()
        browser.find_element(By.ID, "find").send_keys(words, Keys.ENTER)
        until(browser, lambda command=command: commands(browser).endswith(command))
