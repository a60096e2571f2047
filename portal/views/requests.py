"""Requests: the lists, one request, and taking one back."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from portal import kinds, refusals, timeline
from portal.views.numbers import number as read_number
from registry import access, services
from registry.access import SignedIn
from registry.models import Request
from registry.selectors import evidence, openings, previews, queue, requests, uploads

COPIED = (Request.Status.FAILED, Request.Status.REJECTED, Request.Status.WITHDRAWN)
WITHDRAWABLE = (Request.Status.DRAFT, Request.Status.SUBMITTED)
TABS = (("open", "Open"), ("needs", "Needs you"), ("done", "Done"))
STATES = {"open": requests.OPEN, "needs": (), "done": requests.DONE}
EMPTY = {
    "open": "No open requests.",
    "needs": "Nothing needs you now.",
    "done": "Nothing is done yet.",
}


@require_safe
@vary_on_headers("HX-Request")
def index(request: SignedIn) -> HttpResponse:
    """List requests: open, waiting for this person, or done."""
    tab = request.GET.get("show", "open")
    tab = tab if tab in requests.TABS else "open"
    chosen = {
        name: value if (value := request.GET.get(name, "")) in choices else ""
        for name, choices in (("kind", Request.Kind.values), ("status", STATES[tab]))
    }
    found, following = requests.listed(
        request.user, tab=tab, before=read_number(request.GET.get("before", "")), **chosen
    )
    context = {
        "requests": found,
        "tab": tab,
        "tabs": TABS,
        "empty": EMPTY[tab],
        "chosen": chosen,
        "choices": _choices(tab),
        "filtered": any(chosen.values()),
        "with_drafts": uploads.with_drafts(request.user) if tab in ("open", "needs") else [],
        "next": urlencode({"show": tab, **chosen, "before": following}) if following else "",
        "kinds": kinds.offered(request.user),
    }
    return render(request, "portal/requests/list.html", context)


def _choices(tab: str) -> list[dict[str, Any]]:
    """Return the filters with what can be chosen in each."""
    found: list[dict[str, Any]] = [
        {"name": "kind", "label": "Kind", "any": "All kinds", "of": Request.Kind.choices}
    ]
    if STATES[tab]:
        states = [(state.value, state.label) for state in STATES[tab]]
        found.append({"name": "status", "label": "State", "any": "Any state", "of": states})
    return found


@require_safe
@vary_on_headers("HX-Request")
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show one request: its reference, where it stands, and what came of it."""
    item = requests.get(request.user, number)
    polls = request.headers.get("HX-Request") == "true"
    if polls and request.headers.get("HX-Target") == "timeline-steps":
        return render(request, "portal/requests/_moved.html", _progress(request, item))
    return _show(request, item)


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: SignedIn, number: int) -> HttpResponse:
    """Ask whether to throw a draft away, and throw it away; what was submitted stays."""
    access.require(request.user, access.Right.SUBMIT)
    item = requests.own(request.user, number)
    if request.method != "POST":
        if item.status != Request.Status.DRAFT:
            return redirect("portal:request", number)
        return render(request, "portal/requests/withdraw.html", {"item": item})
    try:
        services.discard_draft(request_id=item.id, submitter=request.user)
    except services.Refused as refused:
        return _too_late(request, number, refused)
    return redirect("portal:request", number)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: SignedIn, number: int) -> HttpResponse:
    """Ask whether to take a request back, and take it back."""
    access.require(request.user, access.Right.SUBMIT)
    item = requests.own(request.user, number)
    if request.method != "POST":
        if item.status == Request.Status.DRAFT:
            return redirect("portal:discard", number)
        if item.status not in WITHDRAWABLE:
            return redirect("portal:request", number)
        return render(request, "portal/requests/withdraw.html", {"item": item})
    try:
        services.withdraw_request(request_id=item.id, submitter=request.user)
    except services.Refused as refused:
        return _too_late(request, number, refused)
    return redirect("portal:request", number)


def _too_late(request: SignedIn, number: int, refused: services.Refused) -> HttpResponse:
    """Say that the request has moved on, and what it is by now."""
    refusal = refusals.explain(refused.code)
    context = {"refusal": refusal, "item": requests.get(request.user, number)}
    return render(request, "portal/requests/too_late.html", context, status=refusal.status)


def _show(request: SignedIn, item: Request) -> HttpResponse:
    mine = item.organisation_id == request.user.organisation_id
    acts = mine and access.may(request.user, access.Right.SUBMIT)
    now, refusal = None, None
    if item.status == Request.Status.SUBMITTED and (mine or access.sees_only(request.user) is None):
        try:
            now = services.preview_request(item.id)
        except services.Refused as refused:
            refusal = refusals.explain(refused.code)
    context = {
        **_progress(request, item),
        "preview": previews.describe(request.user, item, now) if now else None,
        "refusal": refusal,
        "differences": _differences(request, item, now) if now else [],
        "upload_row": uploads.came_with(request.user, item),
        "evidence": evidence.of_issue(item),
        "may_withdraw": acts and item.status in WITHDRAWABLE,
        "may_decide": access.may(request.user, access.Right.DECIDE),
        "review_next": _review_next(request, item),
        "copy_into": _copy_into(request, item) if acts and item.status in COPIED else "",
    }
    return render(request, "portal/requests/show.html", context)


def _review_next(request: SignedIn, item: Request) -> Request | None:
    """Return what waits for whoever has decided this one: they go on from here."""
    goes_on = access.may(request.user, access.Right.DECIDE) and item.approver_id == request.user.id
    return queue.next_for(request.user) if goes_on else None


def _progress(request: SignedIn, item: Request) -> dict[str, Any]:
    """Return what changes while a request is executed: its state, its steps, its outcome."""
    return {
        "item": item,
        "steps": timeline.steps(item),
        "failure": refusals.explain(item.failure_code) if item.failure_code else None,
        "transaction": requests.transaction_number(item),
        "moving": item.status == Request.Status.APPROVED,
    }


def _differences(request: SignedIn, item: Request, now: dict[str, Any]) -> list[dict[str, Any]]:
    """Put now beside what was agreed to, where the two differ."""
    then = openings.agreed(item)
    if then is None or then.fingerprint == now["fingerprint"]:
        return []
    sides = openings.difference(request.user, item, then.preview, now)
    who = item.submitter.name
    heading = f"What is different since {who} agreed"
    return [{"heading": heading, "title": f"{who} agreed to", "at": then.opened_at, "sides": sides}]


def _copy_into(request: SignedIn, item: Request) -> str:
    kind = kinds.of(item)
    return kind.route if access.may(request.user, kind.right) else ""
