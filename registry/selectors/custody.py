"""Who held a certificate: now, on a date, and all along."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404

from ledgerdb import custody, positions
from registry import access, dates
from registry.models import User
from registry.moments import Moment
from registry.selectors.positions import Standing, read_standing, since, standing

LARGEST = positions.LARGEST
Row = dict[str, Any]
PAGE = 50
# How people group digits: spaces of several widths, commas, points, apostrophes.
GROUPING = re.compile("[\\s\u00a0\u2009\u202f,.'_]+")
ON = re.compile(r"\s+(?:on|at|as of)\s+|\s+(?=yesterday|today)", re.IGNORECASE)
HOW = "Type a commodity and a number, such as SOL 4021777 on 14 May 2026."


class UnclearError(ValueError):
    """The question cannot be answered as typed; ``field`` says which part of it."""

    def __init__(self, message: str, field: str = "certificate"):
        """Remember which field."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Certificate:
    """One certificate by commodity and number."""

    commodity: Row
    number: int

    @property
    def name(self) -> str:
        """Write it as people do, to be typed back."""
        return f"{self.commodity['code']} {self.number}"


@dataclass(frozen=True)
class Answer:
    """
    Who held it: ``holder`` then, ``later`` the transaction that ended it up to now.

    Without a holder it was not minted then, and ``batch`` says when it was.
    """

    certificate: Certificate
    standing: Standing
    mark: Row | None
    batch: Row
    holder: Row | None
    later: Row | None

    @property
    def moment(self) -> Moment | None:
        """Return the instant that was asked for."""
        return self.standing.moment


def split(question: str) -> tuple[str, str]:
    """Split ``SOL 4021777 on 14 May 2026`` into the certificate and the date."""
    parts = ON.split(" ".join(question.split()), maxsplit=1)
    return parts[0], parts[1] if len(parts) == 2 else ""


def read(text: str) -> Certificate:
    """
    Read ``SOL 4021777``, ``sol-4 021 777`` or ``SOL4,021,777``.

    :raises UnclearError: an unknown commodity, or no number
    """
    text = " ".join(text.split())
    if not text:
        raise UnclearError(HOW)
    known = sorted(positions.commodities(), key=lambda row: -len(row["code"]))
    for commodity in known:
        code = commodity["code"]
        if text.upper().startswith(code.upper()):
            return Certificate(commodity, _number(text[len(code) :]))
    codes = ", ".join(sorted(row["code"] for row in known))
    raise UnclearError(f"Start with a commodity: {codes}." if codes else "Nothing was minted yet.")


def who_held(certificate: Certificate, *, as_of: str = "", at: str = "") -> Answer:
    """
    Return who held a certificate at a time, or now.

    :raises DateError: what was typed is no past date or time
    :raises UnclearError: the number was never minted
    :raises Http404: the heights of a link that no chain has reached
    """
    commodity = certificate.commodity
    with positions.one_moment():
        stands = standing(as_of=as_of, at=at)
        batch = _batch(certificate)
        mark, block = stands.of(commodity["code"]), None
        if mark:
            block = custody.block_at(commodity["id"], certificate.number, mark["transaction_id"])
        if block is None:
            return Answer(certificate, stands, mark, batch, None, None)
        holder = custody.hops(block, None, limit=1)[0]
        later = None if stands.fixed else custody.next_hop(block)
        return Answer(certificate, stands, mark, batch, holder, later)


def chain_of(
    user: User, code: str, number: int, typed: Mapping[str, str], *, after: int = 0
) -> Row:
    """
    Return every holder of a certificate, newest first, up to a position.

    An organisation sees its own hops; whoever took no part in any of them sees nothing.

    :raises Http404: no such commodity or position, or nothing of it is the person's to see
    :raises UnclearError: the number was never minted
    """
    commodity = next((row for row in positions.commodities() if row["code"] == code), None)
    if commodity is None:
        raise Http404("No such commodity.")
    organisation = access.sees_only(user)
    certificate = Certificate(commodity, number)
    mistakes: dict[str, str] = {}
    found: list[Row] = []
    with positions.one_moment():
        batch = _known_batch(certificate, helps=organisation is None)
        _check_part(certificate, organisation, LARGEST)
        stands = _stands(typed, mistakes, batch, code, knows_issue=organisation is None)
        mark = stands.of(code)
        if not mistakes:
            block = _check_part(certificate, organisation, mark["transaction_id"] if mark else 0)
            found = custody.hops(block, organisation, after=after, limit=PAGE + 1)
    hops = [hop for hop in found if hop["step"] <= after + PAGE]
    return {
        "certificate": certificate,
        "batch": batch,
        "standing": stands,
        "mistakes": mistakes,
        "mark": mark,
        "hops": hops,
        "current": hops[0] if hops and not after else None,
        "more": after + PAGE if len(found) > len(hops) else 0,
        "sees_all": organisation is None,
    }


def _stands(
    typed: Mapping[str, str], mistakes: dict[str, str], batch: Row, code: str, *, knows_issue: bool
) -> Standing:
    """Read up to where a chain is looked at; when it began only those hear who see everything."""
    if not knows_issue:
        return read_standing(typed, mistakes).only([code])
    first = {**batch, "commodity": code, "occurred_at": batch["minted_at"]}
    return since(typed, mistakes, first=first, what="The certificate was minted")


def _check_part(certificate: Certificate, organisation: UUID | None, position: int) -> int:
    """
    Return the block of a certificate at a position.

    :raises Http404: not minted by then, or the organisation had no part in it
    """
    block = custody.block_at(certificate.commodity["id"], certificate.number, position)
    if block is None or (organisation and not custody.takes_part(block, organisation)):
        raise Http404("Not minted by then, or not yours to see.")
    return block


def examples() -> list[str]:
    """Return questions that have an answer, one per commodity."""
    day = dates.write_day(dates.today())
    return [f"{row['commodity']} {row['number']} on {day}" for row in custody.examples()]


def _known_batch(certificate: Certificate, *, helps: bool) -> Row:
    """Return its batch; what was minted near it is only for those who see everything."""
    try:
        return _batch(certificate)
    except UnclearError:
        if helps:
            raise
        raise Http404("No such certificate.") from None


def _batch(certificate: Certificate) -> Row:
    batch = custody.batch_of(certificate.commodity["id"], certificate.number)
    code = certificate.commodity["code"]
    if batch is None:
        raise UnclearError(f"No {code} certificate was minted yet.")
    if not batch["has_it"]:
        raise UnclearError(
            f"No {code} certificate has the number {certificate.number}. The nearest minted range"
            f" is {batch['first']} to {batch['last']}, from {batch['facility']}."
        )
    return batch


def _number(text: str) -> int:
    digits = GROUPING.sub("", text).lstrip("-#")
    if not digits:
        raise UnclearError("Add the number of the certificate, such as SOL 4021777.")
    if not (digits.isascii() and digits.isdigit()):
        raise UnclearError(f"{HOW} One number, in digits.")
    if len(digits) > 19 or int(digits) > LARGEST:
        raise UnclearError("This number is larger than any certificate has.")
    return int(digits)
