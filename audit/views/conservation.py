"""Conservation: every certificate ever minted is held, retired or expired."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import shares, tables
from registry.access import SignedIn
from registry.selectors import conservation, scopes

TITLES = {
    "commodity": "Commodity",
    "facility": "Facility",
    "batch": "Batch",
    "region": "Region",
}
SUMMED = ("minted", "came", "went", "held", "retired", "expired", "difference")
COLUMNS = ("commodity", "code", "name", "first", "last", *SUMMED, "position", "position_hash")


@require_safe
def show(request: SignedIn) -> HttpResponse:
    """Show minted = held + retired + expired, by what was chosen."""
    typed = {name: tables.typed(request, name) for name in conservation.FIELDS}
    question = conservation.read(request.user, typed)
    context: dict[str, Any] = {
        "question": question,
        "standing": question.standing,
        "typed": typed,
        "mistakes": question.mistakes,
        "mistake": question.mistakes.get("as_of", ""),
        "by": question.by,
        "views": [(by, title, _link(typed, by=by)) for by, title in TITLES.items()],
        "choices": scopes.choices(request.user),
        "sees_all": True,
    }
    if not question.mistakes:
        context |= _answer(request, question)
    status = 422 if question.mistakes else 200
    return render(request, "audit/conservation/show.html", context, status=status)


@require_safe
def download(request: SignedIn) -> HttpResponseBase:
    """Send every row as CSV."""
    typed = {name: tables.typed(request, name) for name in conservation.FIELDS}
    question = conservation.read(request.user, typed)
    if question.mistakes:
        return show(request)
    name = "-".join(part for part in ("conservation", question.by, question.standing.link) if part)
    return tables.as_csv(
        name, COLUMNS, conservation.every_row(question, after=tables.typed(request, "after"))
    )


def _answer(request: SignedIn, question: conservation.Question) -> dict[str, Any]:
    after = tables.typed(request, "after")
    rows, following = conservation.rows(question, after=after)
    typed = question.typed
    for row in rows:
        row["bar"] = shares.bar({name: row[name] for name in ("held", "retired", "expired")})
        row["link"] = _into(question, row)
    return {
        "rows": rows,
        "total": {name: sum(row[name] for row in rows) for name in SUMMED},
        "after": after,
        "next": _link(typed, after=following) if following else "",
        "csv": reverse("audit:conservation_csv") + _link(typed),
        "now": reverse("audit:conservation") + _link(typed, as_of="", at=""),
        "permanent": reverse("audit:conservation")
        + _link(typed, as_of="", at=question.standing.link)
        if question.standing.marks
        else "",
    }


def _into(question: conservation.Question, row: dict[str, Any]) -> str:
    """Lead from a row to the rows that it is the sum of."""
    commodity = row["commodity"]
    if question.by == "commodity":
        return _link(question.typed, by="facility", commodity=commodity)
    if question.by == "facility":
        return _link(question.typed, by="batch", commodity=commodity, facility=row["code"])
    mark = question.standing.of(commodity)
    if question.by == "batch" and mark:
        at = urlencode({"at": mark["number"]}) if question.standing.is_past else ""
        return f"{reverse('audit:batch', args=[row['id']])}{'?' if at else ''}{at}"
    height = mark["number"] if mark else ""
    at = urlencode({"region": row["code"], "commodity": commodity, "at": height})
    return f"{reverse('audit:held')}?{at}"


def _link(typed: Any, **changed: str) -> str:
    found = {name: value for name, value in {**typed, **changed}.items() if value}
    # A link by heights names what it shows: another commodity is not among them.
    return f"?{urlencode(found)}" if found else "?"
