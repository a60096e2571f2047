"""Finding an account to send to, or to take from, by code or by name."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from portal import kinds
from portal.forms import search
from portal.forms.details import FromAccount, of_sender
from registry import access
from registry.access import SignedIn
from registry.models import Request
from registry.selectors import parties

RULES = {kind.form.rule: kind for kind in kinds.KINDS if issubclass(kind.form, FromAccount)}


@require_safe
@vary_on_headers("HX-Request")
def receivers(request: SignedIn) -> HttpResponse:
    """Find accounts to send to; those sent to before come first."""
    access.require(request.user, access.Right.SUBMIT)
    text = _text(request, "target")
    found = [search.of_receiver(account) for account in parties.receivers(request.user, text)]
    return _answer(
        request, "target", text, found, kinds.BY_KIND[Request.Kind.TRANSFER], "Find a receiver"
    )


@require_safe
@vary_on_headers("HX-Request")
def senders(request: SignedIn) -> HttpResponse:
    """Find accounts to take from, among those that the person may take from."""
    access.require(request.user, access.Right.SUBMIT)
    text, rule = _text(request, "source"), request.GET.get("rule", "")
    kind = RULES.get(rule, kinds.BY_KIND[Request.Kind.TRANSFER])
    found = [
        of_sender(row)
        for row in parties.senders(request.user, text)
        if not rule or getattr(row["market"], rule if rule in RULES else "transferable")
    ]
    return _answer(request, "source", text, found, kind, "Find an account")


def _answer(
    request: SignedIn,
    name: str,
    text: str,
    found: list[search.Option],
    kind: kinds.Kind,
    title: str,
) -> HttpResponse:
    """Show what was found: below the field that was typed into, or as a page with links."""
    context = {
        "search": search.Search(name=name, text=text, options=found),
        "kind": kind,
        "title": title,
        "rule": request.GET.get("rule", ""),
    }
    page = "parts/found.html" if request.headers.get("HX-Request") else "portal/requests/find.html"
    return render(request, page, context)


def _text(request: SignedIn, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:64]
