"""Fixtures of the tests with real clients: a headless Chromium, a minimal Debian, conda."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from tests.clients import conda_real
from tests.clients.chroot import NoBaseError, make_base
from tests.clients.conda_real import Conda

Browser = webdriver.Chrome


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian that every test unpacks for itself, with Python; only where ``chroot.why_not()`` is empty."""
    try:
        return make_base(tmp_path_factory.mktemp("base"), "python3")
    except NoBaseError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def real_conda(tmp_path_factory: pytest.TempPathFactory) -> Conda:
    """conda and conda-lock; take ``real_conda.of(tmp_path)``."""
    return conda_real.make(tmp_path_factory.mktemp("conda") / "venv")


@pytest.fixture(scope="session")
def browsers() -> Iterator[Callable[..., Browser]]:
    made: list[Browser] = []

    def start(*arguments: str, scripts: bool = True) -> Browser:
        options = webdriver.ChromeOptions()
        for one in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *arguments):
            options.add_argument(one)
        options.binary_location = shutil.which("chromium") or ""
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not scripts:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        made.append(webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver"))))
        return made[-1]

    yield start
    for one in made:
        one.quit()


@pytest.fixture(scope="session")
def browser(browsers: Callable[..., Browser]) -> Browser:
    return browsers("--window-size=1000,1400")
