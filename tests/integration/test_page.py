"""The site's page: in headless Chromium by clicking through, by keyboard, on a phone, in the dark, without script."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from simulator.process import run
from tests.clients import http
from tests.clients.apt import AptRoot
from tests.clients.python_env import PythonEnv
from tests.integration.conftest import Browser
from tests.integration.showcase import APT, showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.data import data_folder
from cudepot.digest import Digest
from cudepot.workflows.publish.page_text import render_page


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


def choose(browser: Browser, step: str, value: str) -> None:
    browser.find_element(By.CSS_SELECTOR, f"input[name={step}][value='{value}']").click()


def commands(browser: Browser) -> list[str]:
    return str(browser.find_element(By.ID, "commands").get_property("textContent")).splitlines()


def types(browser: Browser) -> list[str]:
    found = browser.find_elements(By.CSS_SELECTOR, "input[name=type]")
    return sorted(str(one.get_attribute("value")) for one in found)


def steps(browser: Browser) -> list[str]:
    return [one.text for one in browser.find_elements(By.TAG_NAME, "legend")]


@pytest.mark.slow
def test_clicking_through_gives_commands_that_apt_and_pip_carry_out(
    showcase: Project,  # noqa: F811
    url: str,
    browser: Browser,
    tmp_path: Path,
) -> None:
    browser.get(f"{url}/")
    assert steps(browser) == ["Operating system"]
    choose(browser, "os", "Linux")
    assert steps(browser) == ["Operating system", "Architecture", "Distribution"], "one choice left is made"
    assert not browser.find_element(By.ID, "result").is_displayed()
    choose(browser, "distro", "Ubuntu 20.04")
    choose(browser, "version", "cuDNN 8.0.5.39 for CUDA 11.1")
    assert types(browser) == ["conda", "deb", "deb-local", "pip", "tar"]
    choose(browser, "type", "deb")
    lines = commands(browser)
    assert lines[-1] == ("sudo apt-get install libcudnn8-dev=8.0.5.39-1+cuda11.1 libcudnn8=8.0.5.39-1+cuda11.1")
    root = AptRoot(tmp_path / "root")
    script = "\n".join(lines[:3]).replace("sudo ", "").replace(" /etc/", f" {root.path}/etc/")
    script = script.replace("/usr/share/keyrings", f"{root.path}/usr/share/keyrings").replace("curl -fsSL", "cat_url")
    (root.path / "usr/share/keyrings").mkdir(parents=True, exist_ok=True)
    fetch = f"cat_url() {{ cat {showcase.site}/keys/site.gpg; }}\n"
    subprocess.run(["sh", "-ec", fetch + script], check=True, stdout=subprocess.DEVNULL)
    root.update()
    root.install(*lines[-1].split()[3:])
    assert root.version("libcudnn8") == "8.0.5.39-1+cuda11.1"
    choose(browser, "type", "pip")
    assert commands(browser) == [
        f"python3 -m pip install --index-url '{url}/simple/' 'nvidia-cudnn-cu11==8.0.5.39+acme.1'"
    ]
    env = PythonEnv(tmp_path / "venv")
    env.pip_install(f"{url}/simple/", "nvidia-cudnn-cu11==8.0.5.39+acme.1")
    choose(browser, "type", "conda")
    assert re.fullmatch(
        rf"conda install --channel '{url}/conda/main' 'cudnn=8\.0\.5\.39=cuda11\.1_h\w+'", commands(browser)[0]
    )
    choose(browser, "distro", "RHEL 8")
    assert {"rpm", "rpm-local"} <= set(types(browser))
    choose(browser, "type", "rpm")
    assert commands(browser)[-1] == "sudo dnf install libcudnn8-8.0.5.39-1.cuda11.1"
    assert f"baseurl={url}/yum/rhel8/x86_64/" in commands(browser)[2]
    assert browser.get_log("browser") == [], "no error, nothing blocked"


@pytest.mark.slow
def test_of_several_variants_one_is_kept_as_the_page_says(
    showcase: Project,  # noqa: F811
    url: str,
    browser: Browser,
    tmp_path: Path,
) -> None:
    """Only where a repository has another version: `apt-get upgrade` goes to the newest, and not after the hold."""
    browser.get(f"{url}/")
    chosen = {"os": "Linux", "distro": "Ubuntu 20.04", "version": "cuDNN 8.0.5.39 for CUDA 10.2", "type": "deb"}
    for step, value in chosen.items():
        choose(browser, step, value)
    (hold,) = re.findall(r"keep this one with sudo (apt-mark hold .*)\.$", browser.find_element(By.ID, "note").text)
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{(showcase.site / 'apt' / APT).as_uri()}/", showcase.site / "keys/site.gpg")
    root.update()
    root.install(*commands(browser)[-1].split()[3:])
    assert "2 upgraded" in root.apt_get("--simulate", "upgrade").stdout
    run(*hold.split(), env=root.env)
    assert "0 upgraded" in root.apt_get("--simulate", "upgrade").stdout
    choose(browser, "distro", "RHEL 8")
    choose(browser, "version", "cuDNN 8.0.5.39 for CUDA 11.1")
    choose(browser, "type", "rpm")
    assert "upgrade" not in browser.find_element(By.ID, "note").text


@pytest.mark.slow
def test_copying(url: str, browser: Browser) -> None:
    browser.get(f"{url}/index.html")
    choose(browser, "os", "Linux")
    choose(browser, "distro", "Ubuntu 20.04")
    choose(browser, "version", "cuDNN 8.0.5.39 for CUDA 10.2")
    choose(browser, "type", "conda")
    browser.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    browser.find_element(By.ID, "copy").click()
    pasted = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0], arguments[0])")
    assert pasted == "\n".join(commands(browser))
    assert browser.find_element(By.ID, "copy").text == "Copied"


def _tab_to(browser: Browser, step: str) -> None:
    for _ in range(8):
        if browser.switch_to.active_element.get_attribute("name") == step:
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)


@pytest.mark.slow
def test_by_keyboard_alone(url: str, browser: Browser) -> None:
    browser.get(f"{url}/")
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("class") == "skip"
    _tab_to(browser, "os")
    browser.switch_to.active_element.send_keys(Keys.SPACE)
    _tab_to(browser, "distro")
    browser.switch_to.active_element.send_keys(Keys.SPACE)
    assert browser.switch_to.active_element.get_attribute("value") == "RHEL 8", "the choice keeps the focus"
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element.get_attribute("value") == "Ubuntu 20.04"
    assert "Version" in steps(browser)


@pytest.mark.slow
def test_on_a_phone_nothing_is_wider_than_the_screen(url: str, browser: Browser) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )
    browser.get(f"{url}/")
    choose(browser, "os", "Linux")
    choose(browser, "distro", "Ubuntu 20.04")
    for one in browser.find_elements(By.TAG_NAME, "summary"):
        one.click()
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
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
    browser.get(f"{url}/")
    paper = browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert (_luminance(paper) > 0.5) == (scheme == "light")
    for selector in ("h1", ".lead", "legend", "a[href='snapshot.json']", "dd"):
        ink = browser.find_element(By.CSS_SELECTOR, selector).value_of_css_property("color")
        light, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (selector, ink, paper)


@pytest.mark.slow
def test_without_script_the_list_is_there(url: str, browsers: Callable[..., Browser]) -> None:
    browser = browsers(scripts=False)
    browser.get(f"{url}/")
    assert not browser.find_element(By.ID, "picker").is_displayed()
    assert "Without JavaScript" in browser.find_element(By.TAG_NAME, "body").text
    for one in browser.find_elements(By.TAG_NAME, "summary"):
        one.click()
    text = browser.find_element(By.TAG_NAME, "body").text
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


def test_publishing_again_keeps_the_page(showcase: Project) -> None:  # noqa: F811
    before = (showcase.site / "index.html").read_bytes()
    assert not json.loads(showcase.cudepot("publish", "--json").stdout)["fresh"]
    assert (showcase.site / "index.html").read_bytes() == before


def _page(held: tuple[Held, ...], label: str = "acme") -> str:
    folder = data_folder("channel-config") / "page"
    parts = {name: (folder / name).read_text() for name in ("index.html", "page.css", "page.js")}
    keys = Digest("0" * 64, 1), Digest("1" * 64, 1)
    site = SiteFacts(label, "conda/main", 1, "2026-11-24T03:00:00Z", "A" * 40, *keys, held)
    return render_page(site, Lock(), {}, parts).decode()


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
