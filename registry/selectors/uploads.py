"""Lists of requests: what their rows name, and what would become of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404

from ledgerdb import drafts, pages
from ledgerdb.fields import Numbers
from registry import access
from registry.models import Account, Commodity, Request, Upload, UploadRow, User
from registry.models.requests import CONTENT
from registry.selectors import accounts, parties, requests
from registry.selectors.accounts import Sum

Row = dict[str, Any]
Status = Request.Status
PAGE = 100
TOO_FEW = "INSUFFICIENT_TOTAL_BALANCE"


@dataclass(frozen=True)
class Named:
    """The records that the rows of a list name, by their codes."""

    sources: dict[str, Account]
    targets: dict[str, Account]
    commodities: dict[str, Commodity]
    retirement: dict[UUID, Account]
    sums: dict[tuple[UUID, int], Sum]


def named(user: User, *, sources: Iterable[str], targets: Iterable[str]) -> Named:
    """Find all that a list names, in a query each; of others only what is open to receive."""
    taken = {
        account.code: account for account in accounts.visible(user).filter(code__in=set(sources))
    }
    owners = {each.organisation_id for each in taken.values() if each.organisation_id}
    retirement = Account.objects.filter(
        organisation_id__in=owners,
        type=Account.Type.RETIREMENT,
        status=Account.Status.ACTIVE,
    ).order_by("-code")
    return Named(
        sources=taken,
        targets={
            each.code: each for each in parties.open_to_receive().filter(code__in=set(targets))
        },
        commodities={each.code: each for each in Commodity.objects.all()},
        retirement={each.organisation_id: each for each in retirement if each.organisation_id},
        sums=_sums(account.id for account in taken.values()),
    )


def not_held(asked: list[tuple[int, UUID, int, Numbers]]) -> set[int]:
    """Return those rows that name numbers which their account does not hold."""
    return drafts.not_held(asked)


def visible(user: User) -> QuerySet[Upload]:
    """Return the uploads of a person's organisation; to staff, those with something to see."""
    uploads = Upload.objects.select_related("organisation", "submitter")
    if access.sees_only(user) is not None:
        return uploads.filter(organisation_id=user.organisation_id)
    sent = UploadRow.objects.filter(upload=OuterRef("number")).exclude(
        request__status__in=(Status.DRAFT, Status.WITHDRAWN)
    )
    return uploads.filter(Q(organisation_id=user.organisation_id) | Exists(sent))


def get(user: User, number: int) -> Upload:
    """
    Return one upload.

    :raises Http404: absent, or somebody else's
    """
    found = visible(user).filter(number=number).first()
    if found is None:
        raise Http404("No such upload.")
    return found


def own(user: User, number: int) -> Upload:
    """
    Return an upload of the person's organisation.

    :raises Http404: absent, or somebody else's
    """
    found = visible(user).filter(number=number, organisation_id=user.organisation_id).first()
    if found is None:
        raise Http404("No such upload.")
    return found


def by_key(user: User, key: UUID) -> Upload | None:
    """Return what a person's organisation uploaded under a key before, if anything."""
    own = Upload.objects.filter(organisation_id=user.organisation_id, idempotency_key=key)
    return own.order_by("number").first()


def sent_before(user: User, *, kind: str, sha256: str) -> Upload | None:
    """Return the organisation's last upload of the same content that was not discarded."""
    alive = UploadRow.objects.filter(upload=OuterRef("number")).exclude(
        request__status=Status.WITHDRAWN
    )
    same = Upload.objects.filter(
        Exists(alive), organisation_id=user.organisation_id, kind=kind, sha256=sha256
    )
    return same.order_by("-number").first()


def counted(uploads: QuerySet[Upload]) -> QuerySet[Upload]:
    """Count the rows of uploads: all, drafts, waiting, done, and gone another way."""
    of = {
        "drafts": Q(rows__request__status=Status.DRAFT),
        "waiting": Q(rows__request__status__in=(Status.SUBMITTED, Status.APPROVED)),
        "completed": Q(rows__request__status=Status.EXECUTED),
        "ended": Q(rows__request__status__in=(Status.REJECTED, Status.FAILED, Status.WITHDRAWN)),
    }
    return uploads.annotate(
        all_rows=Count("rows"), **{name: Count("rows", filter=those) for name, those in of.items()}
    )


def listed(user: User, *, before: int | None = None) -> tuple[list[Upload], int | None]:
    """Return a page of uploads, newest first, and where the next page starts."""
    found = counted(visible(user)).order_by("-number")
    if before is not None:
        found = found.filter(number__lt=before)
    page = list(found[: requests.PAGE + 1])
    more = len(page) > requests.PAGE
    return page[: requests.PAGE], page[requests.PAGE - 1].number if more else None


def with_drafts(user: User) -> list[Upload]:
    """Return the uploads of a person's organisation that still hold drafts, newest first."""
    left = UploadRow.objects.filter(upload=OuterRef("number"), request__status=Status.DRAFT)
    mine = visible(user).filter(Exists(left), organisation_id=user.organisation_id)
    return list(counted(mine).order_by("-number")[:20])


def rows_of(
    user: User, upload: Upload, *, after: int = 0, drafts_only: bool = False
) -> list[Request]:
    """Return some requests of an upload, in the order of its rows, and one more than a page."""
    found = requests.visible(user).select_related("upload_row").filter(upload_row__upload=upload)
    if drafts_only:
        found = found.filter(status=Status.DRAFT)
    return list(found.filter(upload_row__row__gt=after).order_by("upload_row__row")[: PAGE + 1])


def came_with(user: User, item: Request) -> UploadRow | None:
    """Return which row of which upload a request was, if the person may open that upload."""
    return UploadRow.objects.filter(request_id=item.id, upload__in=visible(user)).first()


def row_of(item: Request) -> int:
    """Return which row of its upload a request was."""
    row: int = item.upload_row.row
    return row


def drafts_of(upload: Upload) -> QuerySet[Request]:
    """Return the drafts of an upload, in the order of its rows, with what they add up."""
    drafts = Request.objects.filter(upload_row__upload=upload, status=Status.DRAFT)
    return drafts.only("source", "commodity", "volume").order_by("upload_row__row")


def version(upload: Upload) -> str:
    """Return a digest of what all rows ask for, so that a page can say which ones it showed."""
    rows = Request.objects.filter(upload_row__upload=upload).order_by("upload_row__row")
    found = sha256()
    for row in rows.values_list(*CONTENT).iterator():
        found.update(repr([str(each) for each in row]).encode())
    return found.hexdigest()[:32]


def forecast(items: list[Request], shown: set[UUID] | None = None) -> dict[UUID, str]:
    """
    Say which drafts the ledger would refuse, and why: each alone, and all in their order.

    A row that fits alone is refused if the rows before it leave too little; one that is refused
    takes nothing from the others.

    :param items: drafts in the order of their rows
    :param shown: those that the ledger is asked about; without it, all
    :returns: the name of the refusal of each, empty where there is none
    """
    said = drafts.forecast([item.id for item in items if shown is None or item.id in shown])
    left = {key: sum_.available for key, sum_ in _sums(_sources(items)).items()}
    for item in items:
        code = said.setdefault(item.id, "")
        if code or item.source_id is None:
            continue
        key, volume = (item.source_id, item.commodity_id), item.volume or 0
        if left.get(key, 0) < volume:
            said[item.id] = TOO_FEW
        else:
            left[key] -= volume
    return said


def totals(items: list[Request]) -> list[Row]:
    """Add up what drafts take from each account, beside what is available there."""
    sums = _sums(_sources(items))
    found = {
        account.id: account
        for account in Account.objects.select_related("organisation").filter(id__in=_sources(items))
    }
    codes = {each.id: each.code for each in Commodity.objects.all()}
    taken: dict[tuple[UUID, int], list[int]] = {}
    for item in items:
        if item.source_id is not None:
            taken.setdefault((item.source_id, item.commodity_id), []).append(item.volume or 0)
    return [
        {
            "account": found[account_id],
            "commodity": codes[commodity_id],
            "rows": len(volumes),
            "volume": sum(volumes),
            "available": sums[account_id, commodity_id].available
            if (account_id, commodity_id) in sums
            else 0,
        }
        for (account_id, commodity_id), volumes in taken.items()
    ]


def _sources(items: list[Request]) -> set[UUID]:
    return {item.source_id for item in items if item.source_id}


def _sums(account_ids: Iterable[UUID]) -> dict[tuple[UUID, int], Sum]:
    return {
        (row["account_id"], row["commodity_id"]): Sum(row["held"], row["reserved"])
        for row in pages.sums(list(account_ids))
    }
