"""What was decided about rejected events: in force, waiting for a signature, and before."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from registry import access
from registry.access import Right
from registry.models import ReplayRejection, ReplayRun, ReplayVariance, User

PAGE = 50
WAITING, SIGNED, ENDED = "waiting", "signed", "ended"
SHOWN = {WAITING: "Waiting for a signature", SIGNED: "Signed", ENDED: "Replaced or taken back"}


def live(source: str, event_id: str) -> ReplayVariance | None:
    """Return the newest decision about an event that was not taken back."""
    return (
        ReplayVariance.objects.select_related("author", "signed_by", "replaces")
        .filter(source=source, event_id=event_id, withdrawn_at=None)
        .order_by("-id")
        .first()
    )


def history(source: str, event_id: str) -> list[ReplayVariance]:
    """Return every decision about an event, newest first."""
    found = ReplayVariance.objects.select_related("author", "signed_by", "withdrawn_by")
    return list(found.filter(source=source, event_id=event_id).order_by("-id"))


def get(user: User, number: int) -> ReplayVariance:
    """
    Return one decision.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such decision
    """
    found = _seen(user).filter(id=number).first()
    if found is None:
        raise Http404("No such decision.")
    return found


def page(
    user: User, show: str, *, source: str = "", after: int = 0
) -> tuple[list[ReplayVariance], int | None]:
    """Return a page of decisions, oldest first, and where the next one starts."""
    found = _shown(user, show, source).filter(id__gt=after).order_by("id")
    rows = list(found[: PAGE + 1])
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


def counts(user: User, source: str = "") -> dict[str, int]:
    """Return how many decisions there are of each sort."""
    return {show: _shown(user, show, source).count() for show in SHOWN}


def to_sign(user: User, source: str = "") -> QuerySet[ReplayVariance]:
    """Return what waits for a signature and was not written by this person, oldest first."""
    found = _shown(user, WAITING, source).order_by("id")
    return found.exclude(author__person_id=user.person_id)


def next_to_sign(user: User, *, after: int = 0) -> ReplayVariance | None:
    """Return the next decision to sign, then the oldest."""
    waiting = to_sign(user)
    return waiting.filter(id__gt=after).first() or waiting.first()


def rejection_of(variance: ReplayVariance) -> ReplayRejection | None:
    """Return the rejection that a decision was written for, or the last one of its event."""
    found = ReplayRejection.objects.select_related("run").filter(event_id=variance.event_id)
    seen = found.filter(run_id=variance.run_id).first() if variance.run_id else None
    return seen or found.filter(run__source=variance.source).order_by("-id").first()


def in_force(source: str) -> list[ReplayVariance]:
    """Return the signed decisions that apply to the next run, by event."""
    found = ReplayVariance.objects.select_related("author", "signed_by")
    signed = found.filter(source=source, signed_at__isnull=False).order_by("id")
    return list({each.event_id: each for each in signed}.values())


def of_run(run: ReplayRun) -> list[dict[str, Any]]:
    """Return the rules that a run applied, with who wrote and who signed them."""
    ids = [rule.get("id") for rule in run.rules]
    found = ReplayVariance.objects.select_related("author", "signed_by").in_bulk(
        [each for each in ids if isinstance(each, int)]
    )
    return [{"rule": rule, "variance": found.get(rule.get("id"))} for rule in run.rules]


def _shown(user: User, show: str, source: str) -> QuerySet[ReplayVariance]:
    found = _seen(user)
    if source:
        found = found.filter(source=source)
    if show == WAITING:
        return found.filter(signed_at=None, withdrawn_at=None)
    if show == SIGNED:
        return found.filter(signed_at__isnull=False).exclude(_replaced())
    return found.exclude(signed_at=None, withdrawn_at=None).exclude(~_replaced(), withdrawn_at=None)


def _replaced() -> Q:
    newer = ReplayVariance.objects.filter(replaces_id=OuterRef("pk"), signed_at__isnull=False)
    return Q(Exists(newer))


def _seen(user: User) -> QuerySet[ReplayVariance]:
    access.require(user, Right.SEE_EVERYTHING)
    related = ("author", "signed_by", "withdrawn_by", "replaces", "run")
    return ReplayVariance.objects.select_related(*related)


def find(source: str, number: int) -> ReplayVariance | None:
    """Return a decision of a source, or of any if none is named; None if there is no such one."""
    found = ReplayVariance.objects.filter(id=number)
    return (found.filter(source=source) if source else found).first()


def by_event(source: str) -> dict[str, ReplayVariance]:
    """Return the newest decision about each event of a source that was not taken back."""
    found = ReplayVariance.objects.select_related("author", "signed_by")
    return {each.event_id: each for each in found.filter(source=source, withdrawn_at=None)}
