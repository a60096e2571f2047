"""Starting a reconciliation."""

from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from registry import access, services
from registry.access import Right, SignedIn


@require_POST
def start(request: SignedIn) -> HttpResponse:
    """Start a run, and lead to the page that waits for it; sent twice, it is run once."""
    access.require(request.user, Right.RECONCILE)
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        key = uuid4()
    services.start_reconciliation(key=key, asked_by=request.user)
    return redirect(f"{reverse('audit:reconciliation')}?{urlencode({'key': key})}")
