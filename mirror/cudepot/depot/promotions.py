"""The records of promotions as values: read, their signature by the site key checked, parsed; and new ones, signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cudepot.catalog.site.promotion import Promotion, parse_promotion, render_promotion
from cudepot.depot.depot import Signing
from cudepot.digest import Digest
from cudepot.errors import CudepotError, TrustError
from cudepot.ports import Verifier
from cudepot.store.promotions import Promotions


def read_promotions(documents: Promotions, verifier: Callable[[], Verifier]) -> tuple[Promotion, ...]:
    """Return all records, the oldest first.

    Raises:
        TrustError: one was changed, signed by another key, or does not follow the one before.
    """
    found: list[Promotion] = []
    parent = ""
    for number in documents.numbers():
        document, signature = documents.read(number)
        what = str(documents.path(number))
        verifier().detached(document, signature, what)
        one = parse_promotion(document, what)
        if one.number != number or (found and one.parent != parent):
            raise TrustError(f"{what}: does not follow the record before it", hint="someone renamed or removed a file")
        found.append(one)
        parent = Digest.of(document).sha256
    return tuple(found)


def promotion_faults(documents: Promotions, verifier: Callable[[], Verifier]) -> Iterator[str]:
    """Give what is wrong with the records, if anything is."""
    try:
        read_promotions(documents, verifier)
    except CudepotError as error:
        yield str(error)


def last_promotion(documents: Promotions, channel: str) -> Promotion | None:
    """Return the newest record of a channel, its signature not checked; None where there is none."""
    every = (promotion_of(documents, number) for number in reversed(documents.numbers()))
    return next((one for one in every if one.channel == channel), None)


def promotion_of(documents: Promotions, number: int) -> Promotion:
    """Return one record, its signature not checked."""
    return parse_promotion(documents.read(number)[0], str(documents.path(number)))


def add_promotion(signing: Signing, record: Promotion) -> Promotion:
    """Number, chain, sign and keep a record; return it as it was kept."""
    documents = signing.store.promotions
    last = (documents.numbers() or [0])[-1]
    parent = Digest.of(documents.read(last)[0]).sha256 if last else ""
    made = record._replace(number=last + 1, parent=parent)
    document = render_promotion(made)
    documents.add(made.number, document, signing.signer().detach(document))
    return made
