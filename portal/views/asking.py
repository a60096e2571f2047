"""A request in two screens: details, then check. Every kind goes this way."""

from dataclasses import asdict
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import kinds, refusals
from portal.forms.agreement import Agreement
from portal.forms.details import Details
from portal.kinds import Kind
from registry import access, services
from registry.access import SignedIn
from registry.models import PreviewOpening, Request
from registry.selectors import accounts, evidence, openings, previews, requests

CHECKABLE = Request.Status.DRAFT
# Sent from a page that does not show what is true now.
STALE = ("PREVIEW_CHANGED", "REQUEST_TRANSITION_INVALID")


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn, kind: Kind) -> HttpResponse:
    """Ask for the details; the same form sent twice is one request."""
    access.require(request.user, kind.right)
    if request.method != "POST":
        return _start(request, kind)
    form = _answered(request, kind)
    if not form.is_valid():
        return _details(request, kind, form)
    key = form.cleaned_data["key"]
    first = requests.by_key(request.user, key)
    if first is not None and first.kind == kind.of:
        return _again(request, kind, form, first)
    try:
        item = services.draft_request(
            kind=kind.of,
            submitter=request.user,
            idempotency_key=key,
            instead_of=_copied(request),
            **form.asks(),
        )
    except services.Refused as refused:
        return _details(request, kind, form, refused)
    return redirect("portal:check", item.number)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: SignedIn, number: int) -> HttpResponse:
    """Change the details of a draft."""
    item = _own(request, number)
    if item.status != CHECKABLE:
        return redirect("portal:request", number)
    kind = kinds.of(item)
    if request.method != "POST":
        form = kind.form(initial=kind.form.from_request(item), user=request.user)
        return _details(request, kind, form)
    form = _answered(request, kind)
    if not form.is_valid():
        return _details(request, kind, form)
    return _again(request, kind, form, item)


@require_safe
def check(request: SignedIn, number: int) -> HttpResponse:
    """Show the blocks that would be consumed and created, before anything is sent."""
    item = _own(request, number)
    if item.status != CHECKABLE:
        return redirect("portal:request", number)
    return _check(request, item)


@require_POST
def submit(request: SignedIn, number: int) -> HttpResponse:
    """Send what was checked; sent again, it leads to the first result."""
    item = _own(request, number)
    if item.status == CHECKABLE:
        form = Agreement(request.POST)
        if not form.is_valid():
            return _check(request, item, services.Refused("PREVIEW_CHANGED"))
        try:
            services.submit_request(request_id=item.id, submitter=request.user, **form.cleaned_data)
        except services.Refused as refused:
            return _not_submitted(request, number, form, refused)
    return redirect("portal:request", number)


def _own(request: SignedIn, number: int) -> Request:
    """Return a request that this person may ask for; an approver asks for nothing."""
    access.require(request.user, access.Right.SUBMIT)
    item = requests.own(request.user, number)
    access.require(request.user, kinds.of(item).right)
    return item


def _not_submitted(
    request: SignedIn, number: int, form: Agreement, refused: services.Refused
) -> HttpResponse:
    """Show the check again with what is different; what moved on meanwhile is shown as it is."""
    item = requests.own(request.user, number)
    if item.status != CHECKABLE:
        return redirect("portal:request", number)
    agreed = openings.shown(item, form.cleaned_data["fingerprint"], request.user)
    return _check(request, item, refused, agreed)


def _answered(request: SignedIn, kind: Kind) -> Details:
    """Read the answers; a file that came with them is kept, whatever else is wrong."""
    form = kind.form(request.POST, request.FILES, user=request.user)
    form.is_valid()
    if form.handed:
        form.keep(services.keep_evidence(uploader=request.user, **asdict(form.handed)))
    return form


def _start(request: SignedIn, kind: Kind) -> HttpResponse:
    """Show the details with what is known already: a copy, ticked blocks, or an account."""
    initial: dict[str, Any] = {}
    copied, account, source = (_given(request, name) for name in ("copy", "account", "source"))
    if _is_id(copied):
        item = requests.own(request.user, int(copied))
        if item.kind != kind.of:
            raise Http404("No such request.")
        initial = kind.form.from_request(item)
    elif source or account:
        for named in filter(None, (source, account)):
            accounts.get(request.user, named.partition("/")[0])
        code, _, commodity = (source or account).partition("/")
        initial = {"source": f"{code}/{commodity}"} if commodity else {"account": code}
        initial |= {"region": _given(request, "region")} if _given(request, "region") else {}
    else:
        ids = [int(each) for each in request.GET.getlist("block") if _is_id(each)]
        picked = accounts.picked_blocks(request.user, ids)
        none = bool(_given(request, "ticked")) and not picked
        if none or len({(block["account"], block["commodity"]) for block in picked}) > 1:
            return render(request, "portal/requests/mixed.html", {"none": none}, status=422)
        initial = kind.form.from_blocks(picked)
    for name in ("target", "commodity"):
        if _given(request, name):
            initial.setdefault(name, _given(request, name))
    form = kind.form(initial={**initial, "key": uuid4()}, user=request.user)
    return _details(request, kind, form)


def _copied(request: SignedIn) -> Request | None:
    """Return the request that the form was filled from: its address still says so."""
    copied = request.GET.get("copy", "")
    return requests.own(request.user, int(copied)) if _is_id(copied) else None


def _again(request: SignedIn, kind: Kind, form: Details, item: Request) -> HttpResponse:
    """Take new answers for a draft; what was submitted stays, and is shown."""
    if item.status != CHECKABLE:
        return redirect("portal:request", item.number)
    try:
        services.update_draft(request_id=item.id, submitter=request.user, **form.asks())
    except services.Refused as refused:
        return _details(request, kind, form, refused)
    return redirect("portal:check", item.number)


def _details(
    request: SignedIn, kind: Kind, form: Details, refused: services.Refused | None = None
) -> HttpResponse:
    refusal = refusals.explain(refused.code) if refused else None
    status = refusal.status if refusal else 422 if form.is_bound else 200
    context = {"kind": kind, "form": form, "refusal": refusal}
    return render(request, "portal/requests/details.html", context, status=status)


def _check(
    request: SignedIn,
    item: Request,
    refused: services.Refused | None = None,
    agreed: PreviewOpening | None = None,
) -> HttpResponse:
    now = None
    # Once something has changed, the page shows how, and offers to check again.
    stale = refused is not None and refused.code in STALE
    try:
        now = services.preview_request(item.id) if stale else _open(request, item)
    except services.Refused as error:
        refused, stale = error, False
    refused = refused or services.over_reserved(item)
    refusal = refusals.explain(refused.code, refused.facts) if refused else None
    context = {
        "kind": kinds.of(item),
        "item": item,
        "preview": previews.describe(request.user, item, now) if now else None,
        "refusal": refusal,
        "stale": stale,
        "decision_days": settings.REGISTRY_DECISION_DAYS,
        "differences": _differences(request, item, now, agreed),
        "evidence": evidence.of_issue(item),
    }
    status = refusal.status if refusal else 200
    return render(request, "portal/requests/check.html", context, status=status)


def _open(request: SignedIn, item: Request) -> dict[str, Any]:
    return services.open_preview(request_id=item.id, person=request.user)


def _differences(
    request: SignedIn, item: Request, now: dict[str, Any] | None, agreed: PreviewOpening | None
) -> list[dict[str, Any]]:
    """Put what was agreed to beside what would happen now."""
    if agreed is None or now is None or agreed.fingerprint == now["fingerprint"]:
        return []
    sides = openings.difference(request.user, item, agreed.preview, now)
    heading = "What is different since you checked"
    return [{"heading": heading, "title": "You saw", "at": agreed.opened_at, "sides": sides}]


def _given(request: SignedIn, name: str) -> str:
    # PostgreSQL cannot be asked for a NUL; what stands for it is in no code.
    return request.GET.get(name, "").replace("\x00", "\ufffd")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
