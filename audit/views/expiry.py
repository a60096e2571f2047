"""Expiry: what is due, what will be, and past runs. The run itself is a request like any other."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from registry.access import SignedIn
from registry.selectors import expiry


@require_safe
def show(request: SignedIn) -> HttpResponse:
    """Show what is past its date, what comes near it, and the runs."""
    return render(request, "audit/expiry/show.html", expiry.overview(request.user))
