"""The documentation as people read it: from a folder, without a server, on a desk and on a phone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from simulator.process import clean_env, run
from tests.integration.page import until

TOP = Path(__file__).parents[2]
_CHROMIUM = pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium and chromium-driver")
_WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"


@pytest.fixture(scope="session")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    site = tmp_path_factory.mktemp("docs") / "site"
    argv = ["-m", "properdocs", "build", "--strict", "-q", "-f", str(TOP / "properdocs.yml"), "-d", str(site)]
    run(sys.executable, *argv, env=clean_env())
    return site


@_CHROMIUM
@pytest.mark.slow
def test_a_page_is_found_copied_from_and_fits_a_phone(browser: webdriver.Chrome, docs: Path) -> None:
    browser.get((docs / "quickstart.html").as_uri())
    tree = browser.find_element(By.ID, "tree")
    assert tree.is_displayed()
    assert tree.find_element(By.CSS_SELECTOR, "[aria-current]").text == "Quickstart"
    assert browser.find_elements(By.CSS_SELECTOR, ".codehilite span[class]"), "code has colours"
    copy = browser.find_elements(By.CSS_SELECTOR, ".block")[0].find_element(By.CSS_SELECTOR, ".copy")
    copy.click()
    until(browser, lambda: copy.text == "Copied")

    browser.find_element(By.ID, "find").send_keys("sqv")
    until(browser, lambda: bool(browser.find_elements(By.CSS_SELECTOR, "#hits a")))
    browser.find_elements(By.CSS_SELECTOR, "#hits a")[0].click()
    until(browser, lambda: not browser.current_url.endswith("quickstart.html"))
    assert "sqv" in browser.find_element(By.ID, "content").text.lower()

    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        for name in ("errors.html", "performance.html", "formats.html"):
            browser.get((docs / name).as_uri())
            scrolled, seen = browser.execute_script(_WIDTHS)
            assert scrolled <= seen, name
        tree = browser.find_element(By.ID, "tree")
        assert not tree.is_displayed()
        browser.find_element(By.ID, "menu").click()
        assert tree.is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert [one for one in browser.get_log("browser") if one["level"] == "SEVERE"] == []
