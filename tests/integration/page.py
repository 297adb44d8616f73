"""The site's page as people use it: clicked through, and its commands taken out of the DOM and run as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

Browser = webdriver.Chrome
_WAIT = 60  # seconds: a loaded machine
SUDO = 'set -e\nsudo() { "$@"; }\n'
"""Begin of a script that runs as root what people run with sudo."""


def choose(browser: Browser, step: str, value: str) -> None:
    """Click one of the choices."""
    place = f'input[name={step}][value="{value}"]'
    browser.find_element(By.CSS_SELECTOR, place).click()
    until(browser, lambda: bool(browser.find_elements(By.CSS_SELECTOR, f"{place}:checked")))


def until(browser: Browser, happened: Callable[[], bool]) -> None:
    """Wait for what a click or the back button brings."""
    WebDriverWait(browser, _WAIT, poll_frequency=0.02).until(lambda _: happened())


def commands(browser: Browser) -> str:
    """Return the commands that are shown; empty where none are."""
    if not browser.find_element(By.ID, "result").is_displayed():
        return ""
    return str(browser.find_element(By.ID, "commands").get_property("textContent"))


def chosen(browser: Browser, url: str, choices: Mapping[str, str]) -> str:
    """Open the page, click through it and return the commands."""
    browser.get("about:blank")
    browser.get(f"{url}/")
    for step, value in choices.items():
        choose(browser, step, value)
    return commands(browser)


def values(browser: Browser, step: str) -> list[str]:
    """Return what can be chosen in a step."""
    found = browser.find_elements(By.CSS_SELECTOR, f"input[name={step}]")
    return [str(one.get_attribute("value")) for one in found]


def steps(browser: Browser) -> list[str]:
    """Return the steps that are shown after the versions."""
    return [one.text for one in browser.find_elements(By.CSS_SELECTOR, "fieldset.step legend")]
