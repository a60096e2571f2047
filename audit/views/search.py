"""The search of the header."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from registry.access import SignedIn
from registry.selectors import search


@require_safe
def show(request: SignedIn) -> HttpResponse:
    """Go to what the typed text names; offer a choice, or say what can be searched for."""
    typed, found, mistake = request.GET.get("q", ""), [], ""
    try:
        found = search.find(request.user, typed)
    except search.CannotSearchError as error:
        typed, mistake = "", str(error)
    if len(found) == 1:
        return redirect(found[0].address)
    context = {"typed": typed.strip(), "found": found, "mistake": mistake, "searched": typed}
    return render(request, "audit/search/show.html", context, status=422 if mistake else 200)
