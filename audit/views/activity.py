"""The regulator's overview: what was issued, transferred, retired and expired."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import shares, tables
from registry.access import SignedIn
from registry.selectors import activity, scopes

COLUMNS = (
    "month", "commodity", "technology", "region_code", "region", "act", "transactions", "volume",
)  # fmt: skip


@require_safe
def show(request: SignedIn) -> HttpResponse:
    """Show a year of volumes by month, technology and region."""
    typed = {name: tables.typed(request, name) for name in activity.FIELDS}
    question = activity.read(request.user, typed)
    context: dict[str, Any] = {
        "question": question,
        "standing": question.standing,
        "typed": typed,
        "mistakes": question.mistakes,
        "mistake": question.mistakes.get("as_of", ""),
        "choices": scopes.choices(request.user),
        "sees_all": True,
    }
    if not question.mistakes:
        context |= _answer(question)
    status = 422 if question.mistakes else 200
    return render(request, "audit/activity/show.html", context, status=status)


@require_safe
def download(request: SignedIn) -> HttpResponseBase:
    """Send the volumes by month, commodity, technology, region and act as CSV."""
    typed = {name: tables.typed(request, name) for name in activity.FIELDS}
    question = activity.read(request.user, typed)
    if question.mistakes:
        return show(request)
    name = "-".join(part for part in ("activity", question.standing.link) if part)
    return tables.as_csv(name, COLUMNS, activity.every(question))


def _answer(question: activity.Question) -> dict[str, Any]:
    rows = activity.every(question)
    months = activity.months(question.end)
    there = {row["month"]: row for row in activity.sums(rows, "month")}
    empty = dict.fromkeys(activity.SERIES.values(), 0)
    by_month = [{"month": month, **empty, **there.get(month, {})} for month in months]
    names = [f"{month:%b}" for month in months]
    series = {act: [row[act] for row in by_month] for act in activity.SERIES.values()}
    own, typed = reverse("audit:activity"), question.typed
    return {
        "months": by_month,
        "chart": shares.chart(names, series),
        "total": {act: sum(values) for act, values in series.items()},
        "groups": [
            _group(rows, "technology", "Technology"),
            _group(rows, "region", "Region"),
        ],
        "csv": reverse("audit:activity_csv") + _link(typed),
        "now": own + _link(typed, as_of="", at=""),
        "permanent": own + _link(typed, as_of="", at=question.standing.link)
        if question.standing.marks
        else "",
    }


def _group(rows: list[dict[str, Any]], name: str, title: str) -> dict[str, Any]:
    """Return the sums by one column, largest issue first, each with a bar for each act."""
    found = activity.sums(rows, name)
    acts = list(activity.SERIES.values())
    found.sort(key=lambda row: (*(-row[act] for act in acts), row[name]))
    top = max((row[act] for row in found for act in acts), default=0)
    for row in found:
        row["name"] = row[name]
        row["bars"] = shares.lines({act: row[act] for act in acts}, top)
    return {"name": name, "title": title, "rows": found}


def _link(typed: Any, **changed: str) -> str:
    found = {name: value for name, value in {**typed, **changed}.items() if value}
    return f"?{urlencode(found)}" if found else ""
