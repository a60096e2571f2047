"""Is the process alive, and can it answer? For whatever restarts and routes; says nothing else."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from registry.selectors import health

log = logging.getLogger(__name__)


@login_not_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer: that is all."""
    return HttpResponse("live\n", content_type="text/plain")


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database does, otherwise 503; why is in the log."""
    try:
        health.ask()
    except Error:
        log.exception("not ready")
        return HttpResponse("not ready\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")
