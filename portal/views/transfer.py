"""A transfer in two screens: details, then check."""

from uuid import uuid4

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import refusals
from portal.forms import transfer as forms
from registry import access, services
from registry.access import SignedIn
from registry.models import Request
from registry.selectors import accounts, previews, requests

CHECKABLE = Request.Status.DRAFT


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Ask for the details; the same form sent twice is one request."""
    access.require(request.user, access.Right.SUBMIT)
    if request.method != "POST" and _is_id(request.GET.get("copy", "")):
        item = requests.own(request.user, int(request.GET["copy"]))
        return _details(request, initial={**forms.from_request(item), "key": uuid4()})
    if request.method != "POST":
        ids = [int(each) for each in request.GET.getlist("block") if _is_id(each)]
        picked = accounts.picked_blocks(request.user, ids)
        if len({(block["account"], block["commodity"]) for block in picked}) > 1:
            return render(request, "portal/transfer/mixed.html", status=422)
        return _details(request, initial={**forms.from_blocks(picked), "key": uuid4()})
    form = forms.Transfer(request.POST, sources=accounts.sources(request.user))
    if not form.is_valid():
        return _details(request, form)
    first = requests.by_key(request.user, form.cleaned_data["key"])
    if first is not None:
        return _again(request, form, first)
    try:
        item = services.create_transfer_draft(
            submitter=request.user, idempotency_key=form.cleaned_data["key"], **form.asks()
        )
    except services.Refused as refused:
        return _details(request, form, refused)
    return redirect("portal:check", item.number)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: SignedIn, number: int) -> HttpResponse:
    """Change the details of a draft."""
    access.require(request.user, access.Right.SUBMIT)
    item = requests.own(request.user, number)
    if item.status != CHECKABLE or item.kind != Request.Kind.TRANSFER:
        return redirect("portal:request", number)
    if request.method != "POST":
        return _details(request, initial=forms.from_request(item))
    form = forms.Transfer(request.POST, sources=accounts.sources(request.user))
    if not form.is_valid():
        return _details(request, form)
    return _again(request, form, item)


@require_safe
def check(request: SignedIn, number: int) -> HttpResponse:
    """Show the blocks that would be consumed and created, before anything is sent."""
    access.require(request.user, access.Right.SUBMIT)
    item = requests.own(request.user, number)
    if item.status != CHECKABLE:
        return redirect("portal:request", number)
    return _check(request, item)


@require_POST
def submit(request: SignedIn, number: int) -> HttpResponse:
    """Send what was checked; sent again, it leads to the first result."""
    access.require(request.user, access.Right.SUBMIT)
    item = requests.own(request.user, number)
    if item.status == CHECKABLE:
        try:
            services.submit_request(
                request_id=item.id,
                submitter=request.user,
                fingerprint=request.POST.get("fingerprint", "")[:64],
            )
        except services.Refused as refused:
            return _check(request, item, refused)
    return redirect("portal:request", number)


def _again(request: SignedIn, form: forms.Transfer, item: Request) -> HttpResponse:
    """Take new answers for a draft; what was submitted stays, and is shown."""
    if item.status != CHECKABLE:
        return redirect("portal:request", item.number)
    try:
        services.update_draft(request_id=item.id, submitter=request.user, **form.asks())
    except services.Refused as refused:
        return _details(request, form, refused)
    return redirect("portal:check", item.number)


def _details(
    request: SignedIn,
    form: forms.Transfer | None = None,
    refused: services.Refused | None = None,
    *,
    initial: dict[str, object] | None = None,
) -> HttpResponse:
    form = form or forms.Transfer(initial=initial, sources=accounts.sources(request.user))
    refusal = refusals.explain(refused.code) if refused else None
    status = refusal.status if refusal else 422 if form.is_bound else 200
    context = {
        "form": form,
        "refusal": refusal,
        "known": accounts.known_targets(request.user),
        "numbers": forms.shown_numbers(form),
    }
    return render(request, "portal/transfer/details.html", context, status=status)


def _check(
    request: SignedIn, item: Request, refused: services.Refused | None = None
) -> HttpResponse:
    preview, status = None, 200
    try:
        preview = previews.describe(request.user, item, services.preview_request(item.id))
    except services.Refused as error:
        refused = error
    refusal = refusals.explain(refused.code) if refused else None
    if refusal:
        status = refusal.status
    context = {"item": item, "preview": preview, "refusal": refusal}
    return render(request, "portal/transfer/check.html", context, status=status)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
