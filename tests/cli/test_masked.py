"""Passwords stay out of the log and of errors."""

from __future__ import annotations

import pytest

from cudepot.masked import masked


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@host/x", "http://hunter2@proxy:3128", "Authorization: Bearer hunter2",
        "{'Proxy-Authorization': 'Basic hunter2'}", "https://h/x?token=hunter2&a=b", "password=hunter2",
        "https://h/?X-Amz-Signature=hunter2", "https://user:a@hunter2@host/", "--token=hunter2",
        "aws_secret_access_key = hunter2", '{"x-amz-security-token": "hunter2"}', "Credential=AKIA, Signature=hunter2",
    ],
)  # fmt: skip
def test_secrets_are_masked(text: str) -> None:
    assert "hunter2" not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://host/x@1.0", "token of a key", "a signature: it holds not", "me@example.com",
        "credentials: none found", "Release.gpg: bad signature: BADSIG", "unexpected token: '}'",
    ],
)  # fmt: skip
def test_the_rest_stays(text: str) -> None:
    assert masked(text) == text
