"""An account's record: what it is, its history, and what the registry does to it."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.forms.acts import Reason
from portal.views.desk import acts
from portal.views.desk.acts import Act
from registry import access
from registry.access import Right, SignedIn
from registry.models import Account
from registry.selectors import accounts, log, records
from registry.services import desk

STATUS = Account.Status


@require_safe
def show(request: SignedIn, code: str) -> HttpResponse:
    """Show the record of an account."""
    item = _found(request, code)
    context = {
        "item": item,
        "sums": records.sums_of([item]).get(item.id, []),
        "open": records.open_requests_of(item),
        "history": log.history(item),
        "may_keep": access.may(request.user, Right.KEEP_RECORDS) and item.organisation is not None,
        "sees_all": access.may(request.user, Right.SEE_EVERYTHING),
    }
    return render(request, "portal/accounts/show.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def suspend(request: SignedIn, code: str) -> HttpResponse:
    """Suspend an account, once the effect was read."""
    item = _kept(request, code)
    effects = [
        "Nothing enters or leaves it until it is reopened. What it holds stays, and still expires.",
        _holds(item),
        acts.waiting(records.open_requests_of(item), "cannot be executed until then"),
    ]
    return _turn(request, item, STATUS.SUSPENDED, "Suspend", effects)


@require_http_methods(["GET", "HEAD", "POST"])
def reopen(request: SignedIn, code: str) -> HttpResponse:
    """Let a suspended account be used again, once the effect was read."""
    item = _kept(request, code)
    stopped = item.organisation is not None and item.organisation.status != "active"
    effects = [
        "Certificates may enter and leave it again.",
        acts.waiting(records.open_requests_of(item), "can be executed again"),
    ]
    obstacles = [f"{item.organisation} is suspended: reactivate it first."] if stopped else []
    return _turn(request, item, STATUS.ACTIVE, "Reopen", effects, obstacles)


@require_http_methods(["GET", "HEAD", "POST"])
def close(request: SignedIn, code: str) -> HttpResponse:
    """Close an empty account for good, once the effect was read."""
    item = _kept(request, code)
    waiting = records.open_requests_of(item)
    held = any(row["held"] for row in records.sums_of([item]).get(item.id, []))
    obstacles = [
        *([f"{_holds(item)} Only an empty account can be closed."] if held else []),
        *([acts.waiting(waiting, "must be decided or withdrawn first")] if waiting else []),
    ]
    effects = ["A closed account is never opened again. Its history stays."]
    return _turn(request, item, STATUS.CLOSED, "Close", effects, obstacles)


def _turn(
    request: SignedIn,
    item: Account,
    status: str,
    verb: str,
    effects: list[str],
    obstacles: list[str] | None = None,
) -> HttpResponse:
    address = reverse("portal:account", args=[item.code])
    above = [("Accounts", reverse("audit:accounts")), (item.code, address)]
    if item.status == STATUS.CLOSED and status != STATUS.CLOSED:
        obstacles = ["The account is closed: that is for good. Open a new one."]
    return acts.change(
        request,
        Act(
            f"{verb} account {item.code}?",
            f"{verb} account",
            above,
            effects=effects,
            obstacles=obstacles or [],
        ),
        Reason,
        item,
        do=lambda **answers: desk.set_account_status(account=item, status=status, **answers),
        to=address,
        wanted={"status": status},
    )


def _holds(item: Account) -> str:
    sums = records.sums_of([item]).get(item.id, [])
    held = [f"{row['held']:,} {row['commodity']}" for row in sums if row["held"]]
    return f"It holds {', '.join(held)}." if held else "It holds nothing."


def _found(request: SignedIn, code: str) -> Account:
    return accounts.get(request.user, code.replace("\x00", ""))


def _kept(request: SignedIn, code: str) -> Account:
    access.require(request.user, Right.KEEP_RECORDS)
    item = _found(request, code)
    if item.organisation is None:
        raise Http404("A commodity's own account is never touched.")
    return item
