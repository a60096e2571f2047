"""What a person was told, what of it still needs that very person, and what they want by mail."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404

from registry import access, wording
from registry.models import Notice, NoticeKind, NoticePreference, Request, User
from registry.models.notices import SECURITY
from registry.selectors import deadlines, errors
from registry.wording import Telling

Awaits, Right = Notice.Awaits, access.Right
PAGE = 20
# The badge counts no further.
MANY = 100
# Who can do what a notice waits for.
DOERS = {
    Awaits.DECISION: Right.DECIDE,
    Awaits.COPY: Right.SUBMIT,
    Awaits.LOOK: Right.SUBMIT,
    Awaits.USE: Right.SUBMIT,
    Awaits.SIGNATURE: Right.SIGN_VARIANCE,
}
# A decision and a signature are somebody's duty until they are given.
DISMISSIBLE = (Awaits.COPY, Awaits.LOOK, Awaits.USE)
RELATED = (
    "person__organisation",
    "request__commodity",
    "request__organisation",
    "request__submitter__organisation",
    "request__approver",
    "request__source__organisation",
    "request__target__organisation",
    "request__region",
)
# Told in the portal alone unless chosen: something better follows, or nothing is left to do.
QUIET = (NoticeKind.APPROVED, NoticeKind.WITHDRAWN)
OF_DECIDERS = (NoticeKind.SUBMITTED, NoticeKind.WITHDRAWN)
OF_SUBMITTERS = (
    NoticeKind.APPROVED,
    NoticeKind.EXECUTED,
    NoticeKind.REJECTED,
    NoticeKind.FAILED,
    NoticeKind.WITHDRAWN,
    NoticeKind.CHANGED,
)
OF_SIGNERS = (NoticeKind.VARIANCE,)
OF_MIGRATORS = (NoticeKind.RETURNED,)
OF_ORGANISATIONS = (
    NoticeKind.MOVED,
    NoticeKind.DEADLINE,
    NoticeKind.ACCOUNT,
    NoticeKind.ORGANISATION,
)


@dataclass(frozen=True)
class Item:
    """A notice as one person sees it; ``needs`` says that they can do something about it."""

    notice: Notice
    told: Telling
    needs: bool

    @property
    def may_be_dismissed(self) -> bool:
        """Say whether the person may leave undone what it is about."""
        return self.needs and self.notice.awaits in DISMISSIBLE


@dataclass(frozen=True)
class Choice:
    """One kind of notice in the preferences; those about security are not a choice."""

    kind: NoticeKind
    mailed: bool
    fixed: bool = False


def unread(user: User) -> int:
    """Return how many notices a person has not read; no further than ``MANY``."""
    found = Notice.objects.filter(person=user, read_at=None).order_by("id")
    return len(found.values_list("id")[:MANY])


def listed(user: User, after: str = "") -> tuple[list[Item], str]:
    """Return a page of a person's notices, unread first, and where the next page starts."""
    zone, _, number = after.partition("-")
    before = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None
    own = Notice.objects.filter(person=user).select_related(*RELATED).order_by("-id")
    page: list[Notice] = []
    if zone != "read":
        page += _before(own.filter(read_at=None), before)[: PAGE + 1]
        before = None
    if len(page) <= PAGE:
        page += _before(own.exclude(read_at=None), before)[: PAGE + 1 - len(page)]
    more = len(page) > PAGE
    page = page[:PAGE]
    last = f"{'read' if page[-1].read_at else 'unread'}-{page[-1].pk}" if more else ""
    return _items(user, page), last


def newest(user: User) -> int:
    """Return the number of a person's newest notice."""
    found = Notice.objects.filter(person=user).order_by("-id").values_list("id", flat=True).first()
    return found or 0


def needing(user: User, near: Iterable[deadlines.Row] | None = None) -> list[Item]:
    """Return what still needs this very person, the newest first."""
    mine = [awaits for awaits, right in DOERS.items() if access.may(user, right)]
    found = Notice.objects.filter(person=user, closed_at=None, awaits__in=mine)
    page = list(found.exclude(awaits="").select_related(*RELATED).order_by("-id")[:PAGE])
    return [item for item in _items(user, page, near) if item.needs]


def own(user: User, number: int) -> Notice:
    """
    Return one notice of a person.

    :raises Http404: absent, or somebody else's
    """
    found = Notice.objects.filter(person=user, id=number).first()
    if found is None:
        raise Http404("No such notice.")
    return found


def one(user: User, notice: Notice) -> Item:
    """Return one notice as its person sees it now."""
    return _items(user, [notice])[0]


def choices(user: User) -> list[Choice]:
    """Return which kinds of notice a person can get, and whether each comes by mail."""
    kinds: list[NoticeKind] = []
    if access.may(user, Right.DECIDE):
        kinds += OF_DECIDERS
    if access.may(user, Right.SUBMIT):
        kinds += OF_SUBMITTERS
    if access.may(user, Right.SIGN_VARIANCE):
        kinds += OF_SIGNERS
    if access.may(user, Right.MIGRATE):
        kinds += OF_MIGRATORS
    if access.sees_only(user) is not None:
        kinds += OF_ORGANISATIONS
    chosen = dict(NoticePreference.objects.filter(person=user).values_list("kind", "mail"))
    own = [
        Choice(kind, chosen.get(kind, kind not in QUIET)) for kind in NoticeKind if kind in kinds
    ]
    return [*own, *(Choice(kind, mailed=True, fixed=True) for kind in SECURITY)]


def outcomes_promised() -> QuerySet[Request]:
    """Return the requests with an outcome that their submitter was promised and not yet told."""
    promised = Notice.objects.filter(request=OuterRef("id"), awaits=Awaits.OUTCOME, closed_at=None)
    return Request.objects.select_related("submitter").filter(
        Exists(promised), status__in=(Request.Status.EXECUTED, Request.Status.FAILED)
    )


def _before(notices: QuerySet[Notice], before: int | None) -> QuerySet[Notice]:
    return notices if before is None else notices.filter(id__lt=before)


def _items(
    user: User, notices: list[Notice], near: Iterable[deadlines.Row] | None = None
) -> list[Item]:
    codes = {}
    if any(notice.kind == NoticeKind.FAILED for notice in notices):
        codes = {row["code"]: row for row in errors.every()}
    if near is None and any(notice.awaits == Awaits.USE for notice in notices):
        near = deadlines.of(user)
    groups = {deadlines.group(row) for row in near or ()}
    return [
        Item(notice, wording.tell(notice, codes), _needs(user, notice, groups))
        for notice in notices
    ]


def _needs(user: User, notice: Notice, groups: set[str]) -> bool:
    """Say whether a person can still do what a notice waits for."""
    right = DOERS.get(Awaits(notice.awaits))
    if right is None or notice.closed_at is not None or not access.may(user, right):
        return False
    return notice.awaits != Awaits.USE or notice.facts["group"] in groups
