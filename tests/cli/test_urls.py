"""The URL at which clients see the site goes into files of settings and shell commands: nothing else fits in."""

from __future__ import annotations

import pytest

from cudepot.catalog.config.site import parse_site
from cudepot.catalog.fields import Table
from cudepot.cli.common import check_url, reached
from cudepot.errors import ConfigError
from cudepot.kinds.registry import parse_upstream
from cudepot.sites.registry import parse_place


@pytest.mark.parametrize(
    "text",
    [
        "https://packages.example/", "http://10.0.0.1:8080/a/b_c~d", "http://[::1]:80/", "file:///srv/site/current",
        "https://h/%2Bx/a+b=c,d",
    ],
)  # fmt: skip
def test_urls_of_sites(text: str) -> None:
    check_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "packages.example", "ftp://h/", "https://", "https:///x", "file://host/x", "file:x", "http://h:99999999/",
        "https://h/\nSigned-By: /evil", "https://h/\r", "https://h/ x", "https://h/\t", "https://me:x@h/", "http://[::1/",
        "https://h/'; rm -rf /", 'https://h/"', "https://h/$(id)", "https://h/`id`", "https://h/?a=b", "https://h/#x",
    ],
)  # fmt: skip
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a URL"):
        check_url(text)


def test_none_at_all_is_told_as_such() -> None:
    with pytest.raises(ConfigError, match="--url is missing"):
        check_url("")


def test_what_the_configuration_says_counts_where_no_url_is_given() -> None:
    site = parse_site(Table({"url": "https://packages.example/"}), parse_place)
    assert reached("", site) == "https://packages.example/"
    assert reached("https://other.example/", site) == "https://other.example/"
    with pytest.raises(ConfigError, match="--url is missing"):
        reached("", parse_site(Table({}), parse_place))


MALFORMED = (
    "http://[::1/x/", "http://[::1]x/", "http://[zz]/", "http://h:99999/", "http://h:x/", "http://h:-1/", "http://:80/",
    "http://", "http:///x/", "http://h\\x/", "http://h/ x/", "http://h/\tx/", "http://\u2100/", "https://h/?token=x",
    "https://h/?", "https://h/#x", "https://me:x@h/", "https://me@h/",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["apt", "yum", "simple", "conda", "redistrib"])
@pytest.mark.parametrize("text", [*MALFORMED, "ftp://h/", "h/x"])
def test_urls_of_upstreams(kind: str, text: str) -> None:
    with pytest.raises(ConfigError, match=r"'upstream\.url'|'url'"):
        parse_upstream(Table({"name": "u", "type": kind, "url": text, "keys": ["A" * 40]}))


@pytest.mark.parametrize("text", ["https://h:8443/a%20b/", "http://[::1]:80/x", "https://xn--bcher-kva.example/"])
def test_good_urls_of_upstreams(text: str) -> None:
    assert parse_upstream(Table({"name": "u", "type": "simple", "url": text})).url.startswith(text)


@pytest.mark.parametrize("key", ["endpoint", "proxy", "public-url"])
@pytest.mark.parametrize("text", ["https://h/\nx", "s3://h", *MALFORMED])
def test_urls_in_the_configuration_likewise(key: str, text: str) -> None:
    with pytest.raises(ConfigError):
        parse_site(Table({"type": "s3", "bucket": "some-bucket", key: text}), parse_place)
