"""Accounts to send to and to take from, found by code or by name."""

from typing import Any

from django.db.models import Case, IntegerField, Max, Q, QuerySet, Value, When

from ledgerdb import pages
from registry.models import Account, Commodity, Organisation, Request, User
from registry.selectors import accounts
from registry.selectors.accounts import Sum

Row = dict[str, Any]
# So many are offered at once; whoever wants another types more of its name.
MOST = 8
# Fewer letters than these find nothing: nobody lists the whole market.
LEAST_LETTERS = 2
# With more accounts than these to take from, one is searched for and not chosen from a list.
FEW = 10


def open_to_receive() -> QuerySet[Account]:
    """
    Return the accounts that anybody may send to: active, of active organisations.

    Of another organisation a person sees the code and the name of these, and nothing else.
    """
    return Account.objects.select_related("organisation").filter(
        type=Account.Type.TRADING,
        status=Account.Status.ACTIVE,
        organisation__status=Organisation.Status.ACTIVE,
    )


def receiver(code: str) -> Account | None:
    """Return the account with this code that is open to receive, whatever its letters' case."""
    found = {each.code: each for each in open_to_receive().filter(code__iexact=_clean(code))[:2]}
    return found.get(code) or (next(iter(found.values())) if len(found) == 1 else None)


def receivers(user: User, text: str) -> list[Account]:
    """
    Return accounts to send to whose code or name has this text, those last sent to first.

    Without a text: those that the organisation has sent to before, then its own.
    """
    text = _clean(text)
    last = {
        row["target"]: row["last"]
        for row in Request.objects.filter(
            organisation_id=user.organisation_id, kind=Request.Kind.TRANSFER
        )
        .exclude(target=None)
        .values("target")
        .annotate(last=Max("created_at"))
    }
    found = open_to_receive()
    if not text:
        found = found.filter(Q(id__in=last) | Q(organisation_id=user.organisation_id))
        candidates = list(found.order_by("code")[:500])
    elif len(text) < LEAST_LETTERS:
        return []
    else:
        candidates = list(_matching(found, text, known=list(last)))
    # A code typed in full is meant; the order of the search stays otherwise.
    exact = text.casefold()
    candidates.sort(
        key=lambda each: (
            each.code.casefold() != exact,
            -last[each.id].timestamp() if each.id in last else 0,
        )
    )
    return candidates[:MOST]


def are_many(user: User) -> bool:
    """Say whether a person has too many accounts to choose one from a list."""
    return _takeable(user)[: FEW + 1].count() > FEW


def senders(user: User, text: str) -> list[Row]:
    """Return what a person may take from accounts whose code or name has this text."""
    code, _, commodity = _clean(text).partition("/")
    if len(code) < LEAST_LETTERS:
        return []
    found = {each.id: each for each in _matching(_takeable(user), code, known=[])[:MOST]}
    markets = {each.id: each for each in Commodity.objects.all()}
    rows = [
        {
            **row,
            "account": found[row["account_id"]],
            "market": markets[row["commodity_id"]],
            "sum": Sum(row["held"], row["reserved"]),
        }
        for row in pages.sums(list(found))
        if row["held"] and commodity in ("", row["commodity"])
    ]
    order = list(found)
    return sorted(rows, key=lambda row: (order.index(row["account_id"]), row["commodity"]))


def _takeable(user: User) -> QuerySet[Account]:
    return accounts.visible(user).filter(type=Account.Type.TRADING, status=Account.Status.ACTIVE)


def _matching(found: QuerySet[Account], text: str, *, known: list[Any]) -> QuerySet[Account]:
    """Narrow accounts to those whose code or name has a text, the likeliest first."""
    has = Q(code__icontains=text) | Q(name__icontains=text)
    has |= Q(organisation__code__icontains=text) | Q(organisation__name__icontains=text)
    rank = Case(
        When(code__iexact=text, then=Value(0)),
        When(id__in=known, then=Value(1)),
        When(code__istartswith=text, then=Value(2)),
        When(organisation__name__istartswith=text, then=Value(3)),
        default=Value(4),
        output_field=IntegerField(),
    )
    return found.filter(has).order_by(rank, "code")[: MOST * 4]


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()[:64]
