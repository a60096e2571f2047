"""Where the registry's desk begins: what there is, a search over all of it, the last changes."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.views.desk import lists
from registry import access
from registry.access import Right, SignedIn
from registry.selectors import log, records


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """Show what records there are, and find some."""
    access.require(request.user, Right.SEE_EVERYTHING)
    text = lists.typed(request, "q")
    context = {
        "text": text,
        "groups": records.search(text) if text else [],
        "counts": records.counts(),
        "changes": log.page({}, size=5)[0],
        "may_keep": access.may(request.user, Right.KEEP_RECORDS),
    }
    return render(request, "portal/desk/index.html", context)
