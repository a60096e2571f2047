"""Downloading evidence."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from registry.access import SignedIn
from registry.models import Evidence
from registry.selectors import evidence, requests

TYPES = {
    Evidence.Type.PDF: "application/pdf",
    Evidence.Type.CSV: "text/csv; charset=utf-8",
    Evidence.Type.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Evidence.Type.PNG: "image/png",
    Evidence.Type.JPEG: "image/jpeg",
}


@require_safe
def download(request: SignedIn, number: int) -> HttpResponse:
    """Hand out the evidence of a request to whoever may see the request, as a download alone."""
    found = evidence.of_issue(requests.get(request.user, number))
    if found is None:
        raise Http404("No such file.")
    try:
        content = evidence.content(found)
    except evidence.Damaged:
        return render(request, "portal/requests/damaged.html", {"number": number}, status=500)
    answer = HttpResponse(content, content_type=TYPES[Evidence.Type(found.type)])
    answer.headers["Content-Disposition"] = content_disposition_header(True, found.name) or ""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
