"""The checklist of the cutover: it computes itself, and nobody ticks a box."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from registry.access import SignedIn
from registry.selectors import checklist, rehearsals


@require_safe
def show(request: SignedIn) -> HttpResponse:
    """Show what is so and what is missing, for one source."""
    sources = rehearsals.sources(request.user)
    asked = request.GET.get("source", "")
    source = asked if asked in sources else sources[0] if sources else ""
    context = {
        "sources": sources,
        "source": source,
        "list": checklist.of(request.user, source) if source else None,
    }
    return render(request, "portal/replay/cutover.html", context)
