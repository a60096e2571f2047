"""One number for one request: in each line of the log, in the answer, on a page that failed."""

import logging
import re
import time
from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.template.loader import render_to_string

from registry import logs

log = logging.getLogger(__name__)

WELL_FORMED = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{7,63}", re.ASCII)


class Correlation:
    """The outermost of all: number the request, log its end, and forbid to keep private pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Remember what answers."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request under its number."""
        began = time.monotonic()
        number = number_of(request)
        request.correlation_id = number  # type: ignore[attr-defined]
        token = logs.current.set(request)
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = number
            # A page may show what only this person may see: neither a browser nor a proxy keeps it.
            if "Cache-Control" not in response.headers:
                response.headers["Cache-Control"] = "no-store"
            _say_why_not(response)
            _tell(request, response, began)
        finally:
            logs.current.reset(token)
        return response


def number_of(request: HttpRequest) -> str:
    """Take the number that a proxy of ours gave, if it is one; otherwise make one."""
    given = request.headers.get("X-Request-ID", "") if settings.BEHIND_PROXY else ""
    return given if WELL_FORMED.fullmatch(given) else uuid4().hex


def _say_why_not(response: HttpResponseBase) -> None:
    """Fill the empty answer to a wrong method with a page."""
    if response.status_code == 405 and not getattr(response, "content", b"x"):
        response.content = render_to_string("405.html").encode()  # type: ignore[attr-defined]


def _tell(request: HttpRequest, response: HttpResponseBase, began: float) -> None:
    """Log the end of a request by its route: an address may hold what somebody searched for."""
    route = request.resolver_match.route if request.resolver_match else ""
    log.info(
        "%s /%s %s",
        request.method,
        route,
        response.status_code,
        extra={
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "milliseconds": round((time.monotonic() - began) * 1000),
        },
    )
