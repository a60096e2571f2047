"""Which previews were opened, by whom, and how two of them differ."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from registry.models import DecisionRound, PreviewOpening, Request, User
from registry.selectors import previews

Row = dict[str, Any]
# So many blocks of each side are listed; a preview may have thousands.
LISTED = 40


def last(person: User, request: Request) -> PreviewOpening | None:
    """Return what a person was shown last of a request."""
    return PreviewOpening.objects.filter(request=request, person=person).order_by("-id").first()


def shown(request: Request, fingerprint: str, person: User | None = None) -> PreviewOpening | None:
    """Return when this preview was shown: to one person, or to anybody at all."""
    found = PreviewOpening.objects.filter(request=request, fingerprint=fingerprint)
    if person is not None:
        found = found.filter(person=person)
    return found.order_by("-id").first() if fingerprint else None


def agreed(request: Request) -> PreviewOpening | None:
    """Return the preview that the submitter agreed to."""
    return shown(request, request.submitted_fingerprint, request.submitter)


def last_of(person: User, requests: Iterable[Request]) -> dict[UUID, PreviewOpening]:
    """Return what a person was shown last of each request, without the blocks."""
    found = (
        PreviewOpening.objects.filter(person=person, request__in=list(requests))
        .order_by("request_id", "-id")
        .distinct("request_id")
        .defer("preview")
    )
    return {opening.request_id: opening for opening in found}


def heavy(requests: Iterable[Request], blocks: int) -> set[UUID]:
    """Return those of the requests whose preview was once larger than so many blocks."""
    found = PreviewOpening.objects.filter(request__in=list(requests), blocks__gt=blocks)
    return set(found.values_list("request_id", flat=True))


def decided_together(approver: User, key: UUID) -> DecisionRound | None:
    """Return what came of a form that decided several requests."""
    return DecisionRound.objects.filter(approver=approver, key=key).first()


def difference(user: User, request: Request, then: Row | None, now: Row | None) -> Row | None:
    """
    Put two previews side by side: each block with whether the other side has it too.

    :returns: ``consumed`` and ``created``, each with ``then`` and ``now``; None without both
    """
    if then is None or now is None:
        return None
    old, new = (previews.describe(user, request, each) for each in (then, now))
    return {part: _sides(old[part], new[part]) for part in ("consumed", "created")}


def _sides(then: list[Row], now: list[Row]) -> Row:
    old, new = {_key(row) for row in then}, {_key(row) for row in now}
    return {"then": _side(then, new), "now": _side(now, old)}


def _side(rows: list[Row], other: set[tuple[Any, ...]]) -> Row:
    """List what differs first: it is what somebody has to look at."""
    marked = [{**row, "differs": _key(row) not in other} for row in rows]
    differing = [row for row in marked if row["differs"]]
    same = [row for row in marked if not row["differs"]]
    listed = differing[:LISTED] + same[: max(0, LISTED - len(differing))]
    return {
        "rows": sorted(listed, key=lambda row: row["first"]),
        "more": len(rows) - len(listed),
        "volume": sum(row["volume"] for row in rows),
    }


def _key(row: Row) -> tuple[Any, ...]:
    return row["block_id"], row["first"], row["last"], row["account"], row["region"]
