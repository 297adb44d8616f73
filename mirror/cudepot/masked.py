"""Hides passwords in logs and messages: in URLs, headers and options that carry a secret."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s]*@")
_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer|token)?\s*)[^\s'\",]+")
_START = r"(?i)((?:^|[?&\s;,{'\"_-])"
_VALUE = r"['\"]?)[^&\s'\",;]+"
_SECRET = re.compile(  # a query, an option, a setting
    _START + r"(?:password|passwd|secret|token|signature|credential|api[-_]?key)[\w-]*['\"]?\s*=\s*" + _VALUE
)
_NAMED = re.compile(  # a header, JSON: words that errors of ours do not put before a colon
    _START
    + r"(?:password|passwd|secret[-_]access[-_]key|session[-_]token|x-amz-[\w-]*|api[-_]?key)['\"]?\s*:\s*"
    + _VALUE
)


def masked(text: str) -> str:
    """Return the text with ``***`` in place of logins in URLs, of authorization headers and of named secrets."""
    for pattern, instead in ((_LOGIN, r"\1***@"), (_HEADER, r"\1***"), (_SECRET, r"\1***"), (_NAMED, r"\1***")):
        text = pattern.sub(instead, text)
    return text
