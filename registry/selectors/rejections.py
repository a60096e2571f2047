"""What a run rejected, grouped by name and by cause, and how each of it stands."""

from typing import Any

from django.db.models import Case, Count, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.http import Http404

from registry.models import ReplayRejection, ReplayRun, ReplayVariance, User
from registry.selectors import errors, rehearsals

Row = dict[str, Any]
PAGE = 50
SHEET = 1000
# How a rejection stands; the first two are somebody's to decide.
STANDINGS = {
    "open": "To decide",
    "again": "Rejected again, with a signed rule",
    "behind": "Decided with its cause",
    "waits": "Waits for a signature",
    "source": "To be fixed at the source",
    "signed": "Signed, from the next run on",
    "follows": "Follows from its cause",
}
OPEN = ("open", "again")
ACTION, OUTCOME = ReplayVariance.Action, ReplayVariance.Outcome


def judged(run: ReplayRun) -> QuerySet[Any, Any]:
    """
    Return what a run rejected, with what was decided about it: ``decided`` and ``standing``.

    A consequence closes with its cause, unless the cause is left out: then nothing was issued, and
    what depended on it needs a decision of its own.
    """
    live = ReplayVariance.objects.filter(source=run.source, withdrawn_at=None).order_by("-id")
    own = live.filter(event_id=OuterRef("event_id"))
    cause = live.filter(event_id=OuterRef("root_event"))
    found: QuerySet[Any, Any] = run.rejections.annotate(
        decided=Subquery(own.values("id")[:1]),
        decided_outcome=Subquery(own.values("outcome")[:1]),
        decided_signed_at=Subquery(own.values("signed_at")[:1]),
        cause_decided=Subquery(cause.values("id")[:1]),
        cause_action=Subquery(cause.values("action")[:1]),
    )
    return found.annotate(standing=_standing(run)).order_by("line", "id")


def _standing(run: ReplayRun) -> Case:
    is_cause = Q(root_event=F("event_id"))
    in_force = Q(decided_signed_at__lte=run.started_at) if run.started_at else Q(pk__in=())
    cases = (
        # A line that cannot be read is no event: nothing but another file helps.
        (Q(event_id=""), "source"),
        (in_force & ~Q(decided_outcome=OUTCOME.FIX_AT_SOURCE), "again"),
        (Q(decided_outcome=OUTCOME.FIX_AT_SOURCE), "source"),
        (Q(decided_signed_at__isnull=False), "signed"),
        (Q(decided__isnull=False), "waits"),
        (is_cause, "open"),
        (Q(cause_decided__isnull=True), "behind"),
        (Q(cause_action=ACTION.SKIP), "open"),
    )
    return Case(
        *(When(when, then=Value(standing)) for when, standing in cases), default=Value("follows")
    )


def counts(run: ReplayRun) -> dict[str, int]:
    """Return how many rejections of a run stand how."""
    rows = judged(run).order_by().values("standing").annotate(count=Count("pk"))
    found = {row["standing"]: row["count"] for row in rows}
    return {name: found.get(name, 0) for name in STANDINGS}


def to_decide(run: ReplayRun) -> int:
    """Return how many rejections of a run are somebody's to decide."""
    return judged(run).filter(standing__in=OPEN).count()


def by_code(run: ReplayRun) -> list[Row]:
    """Group what a run rejected by the name of the refusal, most first."""
    titles = {row["code"]: row["title"] for row in errors.every()}
    rows = (
        judged(run)
        .order_by()
        .values("code")
        .annotate(
            count=Count("pk"),
            causes=Count("pk", filter=Q(root_event=F("event_id"))),
            open=Count("pk", filter=Q(standing__in=OPEN)),
            first=Min("id"),
        )
    )
    firsts = run.rejections.in_bulk([row["first"] for row in rows])
    looking = run.rejections.exclude(assignee=None).values_list("code", "assignee__name")
    names: dict[str, list[str]] = {}
    for code, name in looking.distinct().order_by("assignee__name"):
        names.setdefault(code, []).append(name)
    return sorted(
        (
            {
                **row,
                "title": titles.get(row["code"], ""),
                "first": firsts[row["first"]],
                "assignees": names.get(row["code"], []),
            }
            for row in rows
        ),
        key=lambda row: (-row["count"], row["code"]),
    )


def by_cause(
    run: ReplayRun, *, code: str = "", standing: str = "", after: int = 0
) -> tuple[list[Row], int | None]:
    """
    Group what a run rejected by its cause, in the order of the file.

    :param code: of the cause; and ``standing`` of the cause or of one of its consequences
    :returns: a page of causes, and where the next one starts
    """
    chosen = judged(run)
    if code:
        chosen = chosen.filter(root_code=code)
    if standing:
        chosen = chosen.filter(standing__in=OPEN if standing == "open" else (standing,))
    groups: list[Row] = list(
        chosen.order_by()
        .values("root_event", "root_code")
        .annotate(count=Count("pk"), volume=Sum("volume"), first=Min("id"))
        .filter(first__gt=after)
        .order_by("first")[: PAGE + 1]
    )
    found = groups[:PAGE]
    _complete(run, found)
    return found, groups[PAGE - 1]["first"] if len(groups) > PAGE else None


def _complete(run: ReplayRun, groups: list[Row]) -> None:
    """Add to each group its cause, and how many follow from it, whatever the filter shows."""
    causes = [row["root_event"] for row in groups]
    of_these = judged(run).filter(root_event__in=causes)
    heads = {each.event_id: each for each in of_these.filter(root_event=F("event_id"))}
    firsts = {each.pk: each for each in of_these.filter(pk__in=[row["first"] for row in groups])}
    sums = {
        row["root_event"]: row
        for row in of_these.order_by()
        .values("root_event")
        .annotate(count=Count("pk"), open=Count("pk", filter=Q(standing__in=OPEN)))
    }
    for row in groups:
        row |= sums[row["root_event"]]
        row["head"] = heads.get(row["root_event"]) or firsts[row["first"]]
        row["is_cause"] = row["root_event"] in heads
        row["consequences"] = row["count"] - (1 if row["is_cause"] else 0)


def get(user: User, number: int, rejection: int) -> Any:
    """
    Return one rejection of a run, with how it stands.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such rejection in this run
    """
    run = rehearsals.run(user, number)
    found = judged(run).select_related("run", "assignee").filter(id=rejection).first()
    if found is None:
        raise Http404("No such rejection.")
    return found


def consequences(item: ReplayRejection) -> QuerySet[Any, Any]:
    """Return what was rejected because this was."""
    return judged(item.run).filter(root_event=item.event_id).exclude(event_id=item.event_id)


def cause(item: ReplayRejection) -> ReplayRejection | None:
    """Return the rejection that this one follows from, if it is another one of the same run."""
    if item.root_event == item.event_id:
        return None
    return judged(item.run).filter(event_id=item.root_event).first()


def next_open(run: ReplayRun, *, after: ReplayRejection | None = None) -> ReplayRejection | None:
    """Return the next rejection to decide in the order of the file, then from its beginning."""
    waiting = judged(run).filter(standing__in=OPEN)
    found = waiting.filter(id__gt=after.pk).first() if after else None
    return found or waiting.first()


def place(item: ReplayRejection) -> Row:
    """Return where a rejection stands among those to decide."""
    waiting = judged(item.run).filter(standing__in=OPEN)
    return {
        "before": waiting.filter(id__lt=item.pk).count(),
        "of": waiting.count(),
        "previous": waiting.filter(id__lt=item.pk).order_by("-line", "-id").first(),
        "next": waiting.filter(id__gt=item.pk).first(),
    }


def error(code: str) -> Row:
    """Return what the ledger says about the name of a refusal; only the name if it knows none."""
    known = {row["code"]: row for row in errors.every()}
    return known.get(code) or {"code": code, "title": "", "cause": "", "what_to_do": ""}
