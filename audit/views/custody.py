"""Who held a certificate."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import standing as moment
from audit import tables
from registry import access
from registry.access import Right, SignedIn
from registry.dates import DateError
from registry.selectors import custody


@require_safe
def who_held(request: SignedIn) -> HttpResponse:
    """Answer who held a certificate on a date: one field, or two."""
    access.require(request.user, Right.SEE_EVERYTHING)
    typed = moment.typed(request, "q", "certificate", "on")
    typed["on"] = typed["on"] or typed["as_of"]
    if typed["q"]:
        typed["certificate"], on = custody.split(typed["q"])
        typed["on"] = on or typed["on"]
    context: dict[str, Any] = {"typed": typed, "mistakes": {}, "answer": None, "sees_all": True}
    if any(typed.values()):
        context |= _answer(typed)
    if context["answer"] is None:
        context["examples"] = custody.examples()
    status = 422 if context["mistakes"] else 200
    return render(request, "audit/custody/who_held.html", context, status=status)


@require_safe
def certificate(request: SignedIn, commodity: str, number: str) -> HttpResponse:
    """Show the holder of a certificate, and every one before."""
    number = number if number.isascii() and number.isdigit() else "0"
    typed = moment.typed(request)
    try:
        page = custody.chain_of(
            request.user,
            commodity,
            min(int(number[:20]), custody.LARGEST),
            typed,
            after=tables.count(request.GET.get("after", "")),
        )
    except custody.UnclearError as unclear:
        unknown = {"commodity": commodity, "number": number, "mistake": str(unclear)}
        return render(request, "audit/custody/unknown.html", unknown, status=404)
    own = reverse("audit:certificate", args=[commodity, number])
    page |= {"typed": typed, **moment.context(own, page["standing"], {})}
    status = 422 if page["mistakes"] else 200
    return render(request, "audit/custody/certificate.html", page, status=status)


def _answer(typed: dict[str, str]) -> dict[str, Any]:
    try:
        certificate = custody.read(typed["certificate"])
        answer = custody.who_held(certificate, as_of=typed["on"], at=typed["at"])
    except custody.UnclearError as unclear:
        return {"mistakes": {"certificate": str(unclear)}}
    except DateError as error:
        return {"mistakes": {"on": str(error)}}
    own = f"{reverse('audit:who_held')}?{urlencode({'certificate': certificate.name})}"
    at = f"&{urlencode({'at': answer.mark['number']})}" if answer.mark else ""
    return {"answer": answer, "now": own, "permanent": f"{own}{at}" if at else ""}
