"""The pages about refusals, and the pages of last resort."""

import difflib
import logging
from uuid import uuid4

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from registry.selectors import ledger

log = logging.getLogger(__name__)


@login_not_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List every refusal by name."""
    return render(request, "portal/errors/list.html", {"codes": ledger.error_codes()})


@login_not_required
@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one refusal; for an unknown name, offer the nearest."""
    known = {row["code"]: row for row in ledger.error_codes()}
    if code in known:
        return render(request, "portal/errors/show.html", {"error": known[code]})
    near = difflib.get_close_matches(code.upper()[:64], known, n=3, cutoff=0.4)
    return render(request, "portal/errors/unknown.html", {"near": near}, status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the address or the form could not be read."""
    return HttpResponse(render_to_string("400.html"), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say which role is needed."""
    needed = getattr(exception, "needed", "")
    return render(request, "403.html", {"needed": needed}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer the same for what is absent and for what is somebody else's."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Give an incident number, and say whether anything may have been written."""
    incident = uuid4().hex[:12]
    log.error("incident %s on %s %s", incident, request.method, request.path)
    wrote = request.method not in ("GET", "HEAD")
    return HttpResponse(
        render_to_string("500.html", {"incident": incident, "may_have_written": wrote}), status=500
    )
