"""The statement of a retirement: for its parties, and for whoever has its reference."""

import functools
import logging
from collections.abc import Callable

from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal import paper, qr
from portal.forms.verify import Verify
from registry.access import SignedIn
from registry.reference import NotAReference, grouped, tidy
from registry.selectors import statements

log = logging.getLogger(__name__)


@require_safe
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show the statement of an executed retirement; printed, it is the paper."""
    found = statements.of_request(
        request.user, number, after=_after(request), whole=_whole(request)
    )
    address = _address(found.facts["reference"])
    context = {"statement": found, "address": address, "code": qr.as_svg(address)}
    return render(request, "portal/statements/show.html", context)


@require_safe
def pdf(request: SignedIn, number: int) -> HttpResponse:
    """Write the statement as PDF/A, with all its ranges."""
    found = statements.of_request(request.user, number, whole=True)
    reference = found.facts["reference"]
    written = paper.pdf(found, _address(reference))
    name = f"retirement-{found.facts['number']}-{grouped(reference)}.pdf"
    return HttpResponse(
        written,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-cache",
        },
    )


View = Callable[..., HttpResponse]


def public(view: View) -> View:
    """Let anybody read a page, and nobody keep or list it."""

    @functools.wraps(view)
    def answered(request: HttpRequest, **named: str) -> HttpResponse:
        answer = view(request, **named)
        # What it says was true at that moment; the next look asks the ledger again.
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Robots-Tag"] = "noindex, nofollow"
        return answer

    return login_not_required(require_safe(answered))


@public
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a reference, and lead to what it stands for."""
    form = Verify(request.GET if "reference" in request.GET else None)
    if form.is_valid():
        return redirect("portal:verify", grouped(form.cleaned_data["reference"]))
    status = 422 if form.is_bound else 200
    return render(request, "portal/statements/ask.html", {"form": form}, status=status)


@public
def verify(request: HttpRequest, reference: str) -> HttpResponse:
    """Say what was retired under a reference, and whether the ledger still says so."""
    if refused := ratelimit.consume_or_429(request, action="verify", limit_get=True):
        refused.headers["Retry-After"] = "60"
        return refused
    try:
        symbols = tidy(reference)
    except NotAReference:
        # Asked for all the same: every unknown reference is answered alike.
        symbols = ""
    found = statements.public(symbols, after=_after(request), whole=_whole(request))
    if found is None:
        form = Verify(initial={"reference": reference.replace("\0", "")})
        return render(request, "portal/statements/unknown.html", {"form": form}, status=404)
    if not found.is_confirmed:
        log.critical("statement %s is not confirmed by the ledger", found.facts["number"])
    address = _address(found.facts["reference"])
    context = {
        "statement": found,
        "address": address,
        "code": qr.as_svg(address),
        "now": timezone.now(),
    }
    return render(request, "portal/statements/verified.html", context)


def _address(reference: str) -> str:
    return settings.PUBLIC_ADDRESS + reverse("portal:verify", args=[grouped(reference)])


def _after(request: HttpRequest) -> int:
    after = request.GET.get("after", "")
    return int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0


def _whole(request: HttpRequest) -> bool:
    return request.GET.get("ranges") == "all"
