"""Accounts, and what they hold now or held then."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from audit import history, tables
from audit import standing as moment
from audit.views import holdings as past
from registry import access, dates
from registry.access import SignedIn
from registry.models import Account
from registry.selectors import accounts
from registry.selectors.positions import read_standing

FILTERS = ("commodity", "facility", "month", "state")
NOW = {
    "available": "Available",
    "reserved": "Reserved",
    "locked": "Not transferable",
    "retired": "Retired",
    "expired": "Expired",
}


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List accounts with their sums, now; with a date or a height, what they held then."""
    after, typed = tables.typed(request, "after"), moment.typed(request)
    mistakes: dict[str, str] = {}
    stands = read_standing(typed, mistakes)
    if stands.is_past or mistakes:
        rows, following = accounts.listed_then(request.user, stands, after=after)
    else:
        rows, following = accounts.listed(request.user, after=after)
    kept = {name: value for name, value in typed.items() if value}
    context = moment.context(reverse("audit:accounts"), stands, {}) | {
        "rows": rows,
        "typed": typed,
        "mistakes": mistakes,
        "sees_all": access.sees_only(request.user) is None,
        "after": after,
        "next": urlencode({**kept, "after": following}) if following else "",
    }
    status = 422 if mistakes else 200
    return render(request, "audit/accounts/list.html", context, status=status)


@require_safe
@vary_on_headers("HX-Request")
def holdings(request: SignedIn, code: str) -> HttpResponse:
    """Show the blocks of an account, now; with a date or a height, as of then."""
    account = accounts.get(request.user, code)
    if any(tables.typed(request, name) for name in ("as_of", "at")):
        return past.show(request, account)
    chosen = {name: request.GET.get(name, "").replace("\x00", "") for name in FILTERS}
    held = accounts.holdings(account, chosen=chosen, after=tables.typed(request, "after"))
    context = {
        "account": account,
        "held": held,
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "choices": _choices(held.groups, NOW),
        "states": NOW,
        "history": history.draw(held.days, dates.today(), None),
        "links": _links(held.days),
        "next": urlencode({**request.GET.dict(), "after": held.after}) if held.after else "",
        "may_ask": _may_ask(request, account),
    }
    return render(request, "audit/accounts/holdings.html", context)


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


def _links(days: list[dict[str, Any]]) -> list[tuple[str, date]]:
    """Offer the last day on which the balance changed, and the ends of the last months."""
    changed = max((row["day"] for row in days), default=None)
    end = dates.today().replace(day=1) - timedelta(days=1)
    months = [(f"{each.day} {each:%b %Y}", each) for each in _month_ends(end)]
    return [("Previous change", changed), *months] if changed else months


def _month_ends(end: date) -> list[date]:
    return [end, end.replace(day=1) - timedelta(days=1)]
