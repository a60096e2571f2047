"""Holdings as of an instant, of whatever scope; read only, with a link that stays."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import history, tables
from registry import dates, moments
from registry.access import SignedIn
from registry.models import Account
from registry.selectors import accounts, past, scopes
from registry.selectors.positions import Standing

COLUMNS = (
    "commodity", "first", "last", "volume", "account", "holder", "facility_code", "facility",
    "region", "production_start", "production_end", "expires_at", "acquired", "acquired_at",
    "number", "position", "position_hash", "place",
)  # fmt: skip
# What the address may say; "at" are the heights of a permanent link.
TYPED = (*past.FIELDS, "as_of", "at")


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """Show what was held: of an organisation, an account, a commodity, a facility or a region."""
    return show(request, None)


@require_safe
def download(request: SignedIn) -> HttpResponseBase:
    """Send the blocks of a scope as CSV."""
    return _download(request, None)


@require_safe
def download_account(request: SignedIn, code: str) -> HttpResponseBase:
    """Send the blocks of an account as CSV."""
    return _download(request, accounts.get(request.user, code))


def show(request: SignedIn, account: Account | None) -> HttpResponse:
    """Answer with the page, of one account or of what was typed."""
    typed = _typed(request)
    question = past.read(request.user, typed, account=account)
    context: dict[str, Any] = {
        "account": account,
        "question": question,
        "standing": question.standing,
        "typed": typed,
        "mistakes": question.mistakes,
        "mistake": question.mistakes.get("as_of", ""),
        "choices": scopes.choices(request.user),
        "day": question.standing.is_past,
        "held": None,
    }
    if not question.mistakes:
        context |= _answer(request, question, account)
    status = 422 if question.mistakes else 200
    return render(request, "audit/holdings/show.html", context, status=status)


def _answer(request: SignedIn, question: past.Question, account: Account | None) -> dict[str, Any]:
    after = tables.typed(request, "after")
    held = past.holdings(question, after=after)
    stands = question.standing
    marked = stands.moment.at.astimezone(moments.zone()).date() if stands.moment else None
    return {
        "held": held,
        "history": history.draw(held.days, held.end, marked),
        "links": _links(held, stands),
        "after": after,
        "next": _query(question, {"after": held.after}) if held.after else "",
        "now": _address(account) + _query(question, {"as_of": "", "at": ""}),
        "csv": _csv_address(account) + _query(question),
        "permanent": _address(account) + _query(question, {"as_of": "", "at": stands.link})
        if stands.marks
        else "",
    }


def _download(request: SignedIn, account: Account | None) -> HttpResponseBase:
    question = past.read(request.user, _typed(request), account=account)
    if question.mistakes:
        return show(request, account)
    stands = question.standing
    scope = [account.code] if account else [question.typed[name] for name in past.FIELDS]
    moment = stands.moment.file_name if stands.moment else ""
    day = moment or ("" if stands.fixed else f"{dates.today():%Y-%m-%d}")
    name = "-".join(part for part in ("holdings", *scope, day, stands.link) if part)
    return tables.as_csv(
        name, COLUMNS, past.every_block(question, after=tables.typed(request, "after"))
    )


def _links(held: past.Holdings, stands: Standing) -> list[tuple[str, str]]:
    """Lead to the change before and after: by days, or to the instant where a time was typed."""
    whole_days = stands.moment is None or stands.moment.day is not None
    found = []
    for label, at in (("Previous change", held.previous), ("Next change", held.next)):
        if at is not None:
            day = at.astimezone(moments.zone()).date()
            found.append((label, day.isoformat() if whole_days else moments.of(at).query))
    return found


def _typed(request: SignedIn) -> dict[str, str]:
    return {name: tables.typed(request, name) for name in TYPED}


def _query(question: past.Question, changed: dict[str, str] | None = None) -> str:
    typed = {**question.typed, **(changed or {})}
    found = urlencode({name: value for name, value in typed.items() if value})
    return f"?{found}" if found else ""


def _address(account: Account | None) -> str:
    return reverse("audit:holdings", args=[account.code]) if account else reverse("audit:held")


def _csv_address(account: Account | None) -> str:
    if account:
        return reverse("audit:holdings_csv", args=[account.code])
    return reverse("audit:held_csv")
