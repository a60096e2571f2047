"""The approvers' queue, page by page, oldest first."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from registry.models import Request, User

PAGE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def waiting(kind: str = "") -> QuerySet[Request]:
    """Return what waits for a decision, oldest first; of one kind, or of any."""
    found = Request.objects.select_related(
        "organisation",
        "commodity",
        "submitter__organisation",
        "source__organisation",
        "target__organisation",
        "region",
    ).filter(status=Request.Status.SUBMITTED)
    if kind:
        found = found.filter(kind=kind)
    return found.order_by("submitted_at", "number")


def next_for(user: User) -> Request | None:
    """Return the oldest request that waits and that a person may decide: not one of their own."""
    return waiting().exclude(submitter__person_id=user.person_id).first()


def page(kind: str = "", after: int | None = None) -> tuple[list[Request], int | None]:
    """Return a page of the queue, and after which request the next one starts."""
    found = waiting(kind)
    # Decided meanwhile, it still says where the next page starts.
    last = Request.objects.filter(number=after).first() if after else None
    if last is not None and last.submitted_at is not None:
        found = found.filter(_later(last))
    rows = list(found[: PAGE + 1])
    return rows[:PAGE], rows[PAGE - 1].number if len(rows) > PAGE else None


def count(kind: str = "") -> int:
    """Return how many wait."""
    return waiting(kind).count()


def newest(kind: str = "") -> int:
    """Return the moment of the last submission that waits, in microseconds."""
    last = waiting(kind).order_by("-submitted_at").values_list("submitted_at", flat=True).first()
    return micros(last) if last else 0


def count_after(kind: str, moment: int) -> int:
    """Return how many that wait were submitted after a moment."""
    since = waiting(kind).order_by("-submitted_at").values_list("submitted_at", flat=True)
    # Compared here: a number from an address may be no moment of any calendar.
    return sum(1 for each in since[: PAGE + 1] if each and micros(each) > moment)


def place(request: Request) -> dict[str, Any]:
    """Return where a request stands among those that wait, and its neighbours."""
    if request.status != Request.Status.SUBMITTED:
        return {}
    numbers = waiting().values_list("number", flat=True)
    before, behind = numbers.filter(~_later(request)), numbers.filter(_later(request))
    return {
        "place": before.count(),
        "of": numbers.count(),
        "previous": before.exclude(number=request.number).reverse().first(),
        "next": behind.first(),
    }


def micros(moment: datetime) -> int:
    """Write a moment as whole microseconds since 1970."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _later(request: Request) -> Q:
    same = Q(submitted_at=request.submitted_at, number__gt=request.number)
    return Q(submitted_at__gt=request.submitted_at) | same
