"""The pages about refusals, and the pages of last resort."""

import difflib
import logging
import sys
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from portal.sign_in import WAIT_SECONDS
from registry.selectors import errors

log = logging.getLogger(__name__)

RETRY_SECONDS = 30
# So much of a form is shown again after its token went out of date.
MOST_FIELDS, MOST_TEXT = 60, 20_000


@login_not_required
@require_safe
@vary_on_headers("HX-Request")
def index(request: HttpRequest) -> HttpResponse:
    """List the refusals, or those that some words are about."""
    words = request.GET.get("q", "").replace("\x00", "")[:100].strip()
    context = {"codes": errors.search(words), "words": words}
    return render(request, "portal/errors/list.html", context)


@login_not_required
@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one refusal; for an unknown name, offer the nearest."""
    known = {row["code"]: row for row in errors.every()}
    if code in known:
        context = {"error": known[code], "raised": errors.raised_by(code)}
        return render(request, "portal/errors/show.html", context)
    near = difflib.get_close_matches(code.upper()[:64], known, n=3, cutoff=0.4)
    nearest = {"near": [known[each] for each in near]}
    return render(request, "portal/errors/unknown.html", nearest, status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the address or the form could not be read, or is too large."""
    too_large = isinstance(exception, RequestDataTooBig)
    context = {"most": settings.DATA_UPLOAD_MAX_MEMORY_SIZE}
    name, status = ("413.html", 413) if too_large else ("400.html", 400)
    return HttpResponse(render_to_string(name, context), status=status)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say which role is needed."""
    needed = getattr(exception, "needed", "")
    return render(request, "403.html", {"needed": needed}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer the same for what is absent and for what is somebody else's."""
    return render(request, "404.html", status=404)


def too_many(request: HttpRequest) -> HttpResponse:
    """State the wait."""
    page = render_to_string("429.html", {"minutes": WAIT_SECONDS // 60})
    return HttpResponse(page, status=429, headers={"Retry-After": str(WAIT_SECONDS)})


def server_error(request: HttpRequest) -> HttpResponse:
    """Give an incident number, and say whether anything may have been written."""
    incident = getattr(request, "correlation_id", None) or uuid4().hex
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    # The end of the request is logged under the same number, by its route: a link holds its secret.
    log.error("incident %s on %s", incident, request.method)
    wrote = request.method not in ("GET", "HEAD")
    page = render_to_string(
        "503.html" if away else "500.html",
        {"incident": incident, "may_have_written": wrote, "seconds": RETRY_SECONDS},
    )
    if not away:
        return HttpResponse(page, status=500)
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say how to go on; what was typed on a page of ours comes back, to be sent once more."""
    kept = _kept(request) if _is_ours(request, reason) else []
    return render(request, "403_csrf.html", {"kept": kept, "action": request.path}, status=403)


def _is_ours(request: HttpRequest, reason: str) -> bool:
    """
    Say whether the form was sent from a page of ours by somebody who is signed in.

    Another site cannot write this header. Nothing is kept of a sign-in, which holds a password, nor
    of a decision, which is to be taken on its page.
    """
    own = f"{request.scheme}://{request.get_host()}"
    private = ("/sign-in", "/approvals", "/me", "/reset-password")
    return (
        request.headers.get("Origin") == own
        and reason != REASON_BAD_ORIGIN
        and not request.path.startswith(private)
        and request.user.is_authenticated
    )


def _kept(request: HttpRequest) -> list[dict[str, Any]]:
    fields = [
        {"name": name, "value": value}
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken" and "password" not in name
        for value in values
    ]
    size = sum(len(str(field["value"])) for field in fields)
    return fields if len(fields) <= MOST_FIELDS and size <= MOST_TEXT else []
