"""What is decided together: rejections of one sort, and decisions that say the same."""

from typing import Any

from django.db.models import Count, F, Min, QuerySet, TextField
from django.db.models.functions import Cast

from registry.models import ReplayRejection, ReplayRun, ReplayVariance, User
from registry.selectors import rejections, variances

Row = dict[str, Any]
# So many on one page; what is left comes on the next.
MOST = 200
SAYS = ("source", "author", "outcome", "action", "content", "reason")


def kinds(run: ReplayRun, code: str) -> list[tuple[str, int]]:
    """Return the kinds of event among what is to decide of one refusal, most first."""
    rows = _open(run, code).order_by().values("kind").annotate(count=Count("pk"))
    return sorted(((row["kind"], row["count"]) for row in rows), key=lambda row: (-row[1], row[0]))


def to_decide(run: ReplayRun, *, code: str, kind: str, text: str = "") -> tuple[list[Row], int]:
    """
    Return what is to decide of one refusal and kind, in the order of the file.

    :param text: stands somewhere in the event
    :returns: a page of rejections with how many follow from each, and how many there are
    """
    found = _open(run, code).filter(kind=kind)
    if text:
        found = found.annotate(said=Cast("source", TextField())).filter(said__icontains=text)
    return with_followers(run, list(found[:MOST])), found.count()


def is_any_left(run: ReplayRun, *, code: str, kind: str) -> bool:
    """Say whether anything of one refusal and kind is still to decide."""
    return _open(run, code).filter(kind=kind).exists()


def with_followers(run: ReplayRun, items: list[ReplayRejection]) -> list[Row]:
    """Return rejections, each with how many others it caused."""
    counts = dict(
        run.rejections.filter(root_event__in=[each.event_id for each in items])
        .exclude(event_id=F("root_event"))
        .order_by()
        .values_list("root_event")
        .annotate(count=Count("pk"))
    )
    return [{"item": each, "followers": counts.get(each.event_id, 0)} for each in items]


def chosen(run: ReplayRun, numbers: list[int]) -> list[ReplayRejection]:
    """Return rejections of a run by their numbers, in the order of the file."""
    return list(rejections.judged(run).filter(id__in=numbers).exclude(event_id=""))


def followers(run: ReplayRun, items: list[ReplayRejection]) -> list[ReplayRejection]:
    """Return what was rejected because any of these was."""
    causes = [each.event_id for each in items if each.root_event == each.event_id]
    found = rejections.judged(run).filter(root_event__in=causes)
    return list(found.exclude(event_id=F("root_event")))


def groups(user: User) -> list[Row]:
    """Return the decisions that say the same and wait for this person, most first."""
    rows = (
        variances.to_sign(user)
        .order_by()
        .values(*SAYS, "author__name")
        .annotate(count=Count("pk"), first=Min("id"))
        .filter(count__gt=1)
    )
    words = dict(ReplayVariance.Action.choices)
    found = [
        {**row, "word": words.get(row["action"], ReplayVariance.Outcome.FIX_AT_SOURCE.label)}
        for row in rows
    ]
    return sorted(found, key=lambda row: (-row["count"], row["first"]))


def alike(variance: ReplayVariance) -> QuerySet[ReplayVariance]:
    """Return the decisions that say the same of other events, and this one, oldest first."""
    same = {name: getattr(variance, name) for name in SAYS}
    return ReplayVariance.objects.filter(**same, withdrawn_at=None).order_by("id")


def like_it(variance: ReplayVariance) -> int:
    """Return how many other decisions say the same and stand as this one does."""
    same = {name: getattr(variance, name) for name in (*SAYS, "signed_by", "withdrawn_by")}
    return ReplayVariance.objects.filter(**same).exclude(pk=variance.pk).count()


def done(source: str, numbers: list[int]) -> list[ReplayVariance]:
    """Return decisions of a source by their numbers, if none of them waits any more."""
    found = ReplayVariance.objects.filter(pk__in=numbers, source=source).order_by("id")
    over = list(found.exclude(signed_at=None, withdrawn_at=None))
    return over if len(over) == len(numbers) else []


def waiting(user: User, variance: ReplayVariance) -> QuerySet[ReplayVariance]:
    """Return what says the same and waits for this person, oldest first."""
    return alike(variance).filter(id__in=variances.to_sign(user).values("id"))


def to_sign(user: User, variance: ReplayVariance) -> tuple[list[Row], int]:
    """Return a page of what says the same and waits for this person, with what was rejected."""
    found = waiting(user, variance)
    page = list(found.select_related("author__organisation")[:MOST])
    seen = _rejections(page)
    rows = [{"item": each, "rejection": seen.get(each.event_id)} for each in page]
    return rows, found.count()


def _rejections(page: list[ReplayVariance]) -> dict[str, ReplayRejection]:
    """Return the last rejection of each event in the runs that the decisions were written for."""
    found = ReplayRejection.objects.filter(
        run_id__in={each.run_id for each in page}, event_id__in=[each.event_id for each in page]
    )
    return {each.event_id: each for each in found.order_by("id")}


def _open(run: ReplayRun, code: str) -> QuerySet[Any, Any]:
    return rejections.judged(run).filter(standing__in=rejections.OPEN, code=code)
