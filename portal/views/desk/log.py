"""The log of changes: who changed what, when, from what to what, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal import sheets
from portal.views.desk import lists
from registry import access, dates
from registry.access import Right, SignedIn
from registry.selectors import log

COLUMNS = [
    "entry", "at", "person", "login", "kind", "record", "act", "field", "before", "after", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What of the log is asked for, as typed and as meant."""

    typed: dict[str, str]
    chosen: dict[str, Any]
    mistakes: dict[str, str]


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """Show a page of the log."""
    access.require(request.user, Right.SEE_EVERYTHING)
    asked = _asked(request)
    before = request.GET.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    entries, older = (
        ([], None)
        if asked.mistakes
        else log.page(asked.chosen, code=asked.typed["code"], before=number)
    )
    kept = {name: value for name, value in asked.typed.items() if value}
    context = {
        "entries": entries,
        "older": urlencode({**kept, "before": older}) if older else "",
        "sheet": urlencode(kept),
        "typed": asked.typed,
        "mistakes": asked.mistakes,
        "filtered": bool(kept),
        "kinds": sorted(log.kind_words().items(), key=lambda pair: pair[1]),
        "people": [(log.NOBODY, "No person named"), *_people()],
    }
    status = 422 if asked.mistakes else 200
    return render(request, "portal/log/list.html", context, status=status)


@require_safe
def sheet(request: SignedIn) -> HttpResponseBase:
    """Send what a filter chooses of the log as CSV, one row for each field that changed."""
    access.require(request.user, Right.SEE_EVERYTHING)
    asked = _asked(request)
    if asked.mistakes:
        return index(request)
    entries = log.everything(asked.chosen, code=asked.typed["code"])
    name = "-".join(["log", *(value for value in asked.typed.values() if value)])
    safe = "".join(each if each.isascii() and each.isalnum() else "-" for each in name)
    return sheets.respond(safe[:100], COLUMNS, _rows(entries))


def _rows(entries: Iterator[log.Entry]) -> Iterator[list[Any]]:
    for entry in entries:
        row = entry.row
        start = [
            row["id"],
            row["changed_at"].isoformat(),
            row["actor_code"] or "",
            row["login"],
            entry.kind,
            entry.what,
            entry.act,
        ]
        for field in entry.fields or [log.Told("", "", "", "")]:
            yield [*start, field.label, field.before, field.after, row["reason"]]


def _asked(request: SignedIn) -> Asked:
    """Read the filter; what is not understood is named and never ignored."""
    names = ("code", "record", "actor", "since", "until")
    typed = {name: lists.typed(request, name) for name in names}
    chosen: dict[str, Any] = {}
    mistakes: dict[str, str] = {}
    if typed["record"] in log.RECORDS:
        chosen["record"] = typed["record"]
    chosen["actor"] = _actor(typed["actor"])
    for name, take in (("since", _start), ("until", dates.end_of)):
        try:
            days = dates.parse_days(typed[name]) if typed[name] else None
        except dates.DateError as error:
            mistakes[name] = str(error)
            continue
        chosen[name] = take(days[0 if name == "since" else 1]) if days else None
    return Asked(typed, chosen, mistakes)


def _actor(text: str) -> Any:
    if text == log.NOBODY:
        return text
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(settings.REGISTRY_TIME_ZONE))


def _people() -> list[tuple[str, str]]:
    return [(str(row["id"]), row["name"]) for row in log.actors()]
