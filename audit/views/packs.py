"""Evidence packs."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from audit import packs, tables
from registry.access import SignedIn
from registry.selectors import packs as found


@require_safe
def download(request: SignedIn, number: str) -> HttpResponse:
    """Send all that proves one transaction, as one ZIP."""
    pack = found.pack(request.user, number)
    name = tables.file_name(packs.file_name(pack.number))
    answer = HttpResponse(packs.build(pack.number, pack.facts), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
