"""Accounts, and what they hold now or held then."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from audit import history
from registry import access, dates
from registry.access import SignedIn
from registry.models import Account
from registry.selectors import accounts

FILTERS = ("commodity", "facility", "month", "state")
NOW = {
    "available": "Available",
    "reserved": "Reserved",
    "locked": "Not transferable",
    "retired": "Retired",
    "expired": "Expired",
}
THEN = {
    "still": "Still held",
    "transfer": "Transferred",
    "retire": "Retired",
    "reassign_region": "Region changed",
    "expire": "Expired",
}


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List accounts with their sums."""
    return render(request, "audit/accounts/list.html", {"rows": accounts.overview(request.user)})


@require_safe
@vary_on_headers("HX-Request")
def holdings(request: SignedIn, code: str) -> HttpResponse:
    """Show the blocks of an account, now or at the end of a past day."""
    account = accounts.get(request.user, code)
    typed, mistake, day = request.GET.get("as_of", ""), "", None
    try:
        day = dates.parse_day(typed)
    except dates.DateError as error:
        mistake = str(error)
    chosen = {name: request.GET.get(name, "").replace("\x00", "") for name in FILTERS}
    held = accounts.holdings(
        account,
        dates.end_of(day) if day else None,
        chosen=chosen,
        after=request.GET.get("after", ""),
    )
    context = {
        "account": account,
        "day": day,
        "at": dates.end_of(day) if day else None,
        "typed": typed,
        "mistake": mistake,
        "held": held,
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "choices": _choices(held.groups, THEN if day else NOW),
        "states": THEN if day else NOW,
        "history": history.draw(held.days, dates.today(), day),
        "links": _links(held.days, day),
        "next": urlencode({**request.GET.dict(), "after": held.after}) if held.after else "",
        "may_ask": day is None and _may_ask(request, account),
    }
    return render(request, "audit/accounts/holdings.html", context, status=422 if mistake else 200)


def _may_ask(request: SignedIn, account: Account) -> bool:
    trades = account.type == Account.Type.TRADING
    return trades and access.may_ask_for(request.user, account.organisation_id)


def _choices(groups: list[dict[str, Any]], states: dict[str, str]) -> list[dict[str, Any]]:
    """Return the filters with what can be chosen in each."""
    commodities = sorted({(row["commodity"], row["commodity_name"]) for row in groups})
    facilities = sorted({(row["facility_code"], row["facility"]) for row in groups})
    months = sorted({(f"{row['month']:%Y-%m}", f"{row['month']:%b %Y}") for row in groups})
    return [
        {"name": "commodity", "label": "Commodity", "any": "All commodities", "of": commodities},
        {"name": "facility", "label": "Facility", "any": "All facilities", "of": facilities},
        {"name": "month", "label": "Produced", "any": "Any month", "of": months[::-1]},
        {"name": "state", "label": "State", "any": "Any state", "of": list(states.items())},
    ]


def _links(days: list[dict[str, Any]], day: date | None) -> list[tuple[str, date]]:
    """Offer the days on which the balance changed, and the ends of the last months."""
    before, later = accounts.neighbours(days, day)
    links = []
    if before:
        links.append(("Previous change", before))
    if later:
        links.append(("Next change", later))
    end = dates.today().replace(day=1) - timedelta(days=1)
    return [*links, *((f"{each.day} {each:%b %Y}", each) for each in _month_ends(end))]


def _month_ends(end: date) -> list[date]:
    return [end, end.replace(day=1) - timedelta(days=1)]
