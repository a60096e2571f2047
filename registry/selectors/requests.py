"""Requests: one, and the lists."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from ledgerdb import pages
from registry import access
from registry.models import Organisation, Request, User

Status = Request.Status
OPEN = (Status.DRAFT, Status.SUBMITTED, Status.APPROVED)
DONE = (Status.EXECUTED, Status.REJECTED, Status.FAILED, Status.WITHDRAWN)
TABS = ("open", "needs", "done")
PAGE = 50
# For so long a request that the ledger refused asks to be looked at.
FAILED_LATELY = timedelta(days=30)


def visible(user: User) -> QuerySet[Request]:
    """
    Return the requests that a person may open: their organisation's, and what it is to receive.

    A draft is its own organisation's alone.
    """
    requests = Request.objects.select_related(
        "organisation",
        "commodity",
        "submitter__organisation",
        "approver__organisation",
        "source__organisation",
        "target__organisation",
        "facility__region",
        "filter_region",
        "region",
    )
    own = Q(organisation_id=user.organisation_id)
    not_draft = ~Q(status__in=(Status.DRAFT, Status.WITHDRAWN))
    organisation = access.sees_only(user)
    if organisation is None:
        return requests.filter(own | ~Q(status=Status.DRAFT))
    party = Q(source__organisation_id=organisation) | Q(target__organisation_id=organisation)
    return requests.filter(own | (party & not_draft))


def get(user: User, number: int) -> Request:
    """
    Return one request.

    :raises Http404: absent, or somebody else's
    """
    found = visible(user).filter(number=number).first()
    if found is None:
        raise Http404("No such request.")
    return found


def own(user: User, number: int) -> Request:
    """
    Return a request of the person's organisation.

    :raises Http404: absent, or somebody else's
    """
    found = visible(user).filter(number=number, organisation_id=user.organisation_id).first()
    if found is None:
        raise Http404("No such request.")
    return found


def by_key(user: User, key: UUID) -> Request | None:
    """Return what was asked for under a key in the person's organisation before, if anything."""
    own = visible(user).filter(organisation_id=user.organisation_id)
    return own.filter(idempotency_key=key).first()


def with_key(key: UUID) -> Q:
    """Return the condition that a request was asked for under a key, in any organisation."""
    # The index of keys begins with the organisation: without one named, it would not be used.
    return Q(idempotency_key=key, organisation__in=Organisation.objects.all())


def listed(
    user: User, *, tab: str, kind: str = "", status: str = "", before: int | None = None
) -> tuple[list[Request], int | None]:
    """Return a page of requests, newest first, and where the next page starts."""
    # The drafts of an upload are one batch, and are listed as such.
    of_uploads = Q(status=Status.DRAFT, upload_row__isnull=False)
    found = of_tab(user, tab).exclude(of_uploads).order_by("-number")
    if kind:
        found = found.filter(kind=kind)
    if status:
        found = found.filter(status=status)
    if before is not None:
        found = found.filter(number__lt=before)
    page = list(found[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].number if len(page) > PAGE else None


def of_tab(user: User, tab: str) -> QuerySet[Request]:
    """Return what is open, what needs this person, or what is done."""
    if tab == "needs":
        return visible(user).filter(needs(user))
    return visible(user).filter(status__in=DONE if tab == "done" else OPEN)


def needs(user: User) -> Q:
    """
    Say which requests wait for something that this person can do.

    Who asks: drafts of the organisation, and what the ledger refused lately. Who decides: what
    waits for a decision, but not what the same human being submitted.
    """
    if access.may(user, access.Right.DECIDE):
        return Q(status=Status.SUBMITTED) & ~Q(submitter__person_id=user.person_id)
    if access.may(user, access.Right.SUBMIT):
        lately = Q(status=Status.FAILED, failed_at__gte=timezone.now() - FAILED_LATELY)
        return Q(organisation_id=user.organisation_id) & (Q(status=Status.DRAFT) | lately)
    return Q(pk__in=())


def by_numbers(user: User, numbers: list[int]) -> dict[int, Request]:
    """Return those of some requests that a person may open, by number."""
    return {request.number: request for request in visible(user).filter(number__in=numbers)}


def latest(user: User, count: int = 5) -> list[Request]:
    """Return the last few requests."""
    return list(visible(user).order_by("-number")[:count])


def failed(count: int = 5) -> list[Request]:
    """Return the last requests that were approved and, lately, refused by the ledger."""
    return list(
        Request.objects.select_related(
            "commodity", "submitter", "source__organisation", "target__organisation", "region"
        )
        .filter(status=Status.FAILED, failed_at__gte=timezone.now() - FAILED_LATELY)
        .order_by("-failed_at")[:count]
    )


def last_decision() -> Request | None:
    """Return the request that was decided last."""
    return Request.objects.exclude(decided_at=None).order_by("-decided_at").first()


def drafts(user: User, count: int = 5) -> tuple[list[Request], bool]:
    """Return the newest drafts of a person's organisation, and whether there are more."""
    own = visible(user).filter(organisation_id=user.organisation_id, status=Status.DRAFT)
    found = list(own.order_by("-number")[: count + 1])
    return found[:count], len(found) > count


def counts(user: User) -> dict[str, int]:
    """Return how many requests are open, and how many wait for a decision."""
    if access.may(user, access.Right.SEE_QUEUE):
        return {"waiting": Request.objects.filter(status=Status.SUBMITTED).count()}
    return {"open": visible(user).filter(status__in=OPEN).count()}


def parties(request: Request) -> dict[UUID, dict[str, Any]]:
    """Return, per organisation, how many certificates an executed request moved, in or out."""
    sums: dict[UUID, dict[str, int]] = {}
    for row in pages.postings(request.transaction_id) if request.transaction_id else []:
        if row["organisation_id"]:
            sides = sums.setdefault(row["organisation_id"], {"debit": 0, "credit": 0})
            for side in sides:
                sides[side] += row[side]
    return {
        organisation: {
            "volume": max(sides.values()),
            "way": "in" if sides["credit"] > sides["debit"] else "out",
        }
        for organisation, sides in sums.items()
    }


def transaction_number(request: Request) -> str:
    """Return the number of the transaction that a request led to, or nothing."""
    if request.transaction_id is None:
        return ""
    return pages.transaction_numbers([request.transaction_id])[request.transaction_id]
