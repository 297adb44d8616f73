"""Looks at a bucket as clients do, without credentials: is it readable, and does what is missing answer 404?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import requests

if TYPE_CHECKING:
    from cudepot.transport.s3.where import Where

_ABSENT = ".cudepot/absent"


def public_url(place: Where) -> str:
    """Return where clients read the site: as configured, or the bucket's own address."""
    if place.public_url:
        return place.public_url
    if not place.endpoint:
        return f"https://{place.bucket}.s3.{place.region}.amazonaws.com/{quote(place.prefix)}"
    if place.path_style:
        return f"{place.endpoint.rstrip('/')}/{place.bucket}/{quote(place.prefix)}"
    scheme, _, host = place.endpoint.partition("://")
    return f"{scheme}://{place.bucket}.{host.rstrip('/')}/{quote(place.prefix)}"


def unreadable(place: Where, known: str) -> str:
    """Return what clients will stumble over, in a line; empty when there is nothing.

    Args:
        place: the bucket.
        known: a key that is there.
    """
    url = public_url(place)
    there, missing = _status(place, url + known), _status(place, url + _ABSENT)
    if there != 200:
        return f"{url}{known} answers {there or 'nothing'} without credentials: clients cannot read the site"
    if missing not in (404, 410):
        return (
            f"{url}: what is missing answers {missing}, not 404: apt, dnf, pip and conda take that for a fault; let "
            "everyone list the bucket (s3:ListBucket), or have the web server in front of it turn 403 into 404"
        )
    return ""


def _status(place: Where, url: str) -> int:
    proxies = {"http": place.proxy, "https": place.proxy} if place.proxy else None
    try:
        return requests.head(url, timeout=10, proxies=proxies, verify=place.ca or True).status_code
    except requests.RequestException:
        return 0
