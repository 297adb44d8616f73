"""Jobs run without a home, or in one of somebody else's that they may not read: nothing is looked for there then."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from cudepot.cli import remote
from cudepot.cli.home import home, is_there


def _nobody(_: object) -> pwd.struct_passwd:
    raise KeyError


def test_a_user_without_a_home_has_no_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "NETRC", *remote._PROXIES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(pwd, "getpwuid", _nobody)
    with pytest.raises(RuntimeError):
        Path.home()
    assert not is_there(home())
    assert remote._is_plain()


def test_what_may_not_be_looked_at_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.stat", forbidden)
    assert not is_there("/root/.netrc")
