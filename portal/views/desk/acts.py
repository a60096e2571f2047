"""Acts on records: a form, its effect stated, and what came of it. All go the same way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from django.db.models import Model
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from portal import refusals
from portal.forms.records import Record
from registry import services
from registry.access import SignedIn
from registry.models import Request
from registry.selectors import log, records

# At which field a refusal is shown.
FIELDS = {
    "CODE_TAKEN": ("code", "audited_on", "valid_from"),
    "TIME_ZONE_UNKNOWN": ("time_zone",),
}
# So many open requests are named one by one.
NAMED = 8


@dataclass(frozen=True)
class Act:
    """What a person is about to do, in words."""

    title: str
    button: str
    # Label and address of the pages above; the last one is where Back leads.
    crumbs: list[tuple[str, str]]
    # What will follow, and what stands in the way, in sentences.
    effects: list[str] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    # What stays as it is.
    facts: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""

    @property
    def back(self) -> str:
        """Return where somebody goes who does not want to."""
        return self.crumbs[-1][1]


def add(
    request: SignedIn,
    act: Act,
    form: type[Record],
    *,
    do: Callable[..., Model],
    find: Callable[[dict[str, Any]], Model | None],
    to: Callable[[dict[str, Any]], str],
    initial: dict[str, Any] | None = None,
) -> HttpResponse:
    """
    Ask for a new record and add it; the same answers sent twice are one record.

    :param find: returns the record that has the key of the answers already
    :param to: says which page shows the record
    """
    if request.method != "POST":
        return _show(request, act, form(initial=initial))
    filled = form(request.POST)
    if not filled.is_valid():
        return _show(request, act, filled, status=422)
    answers = filled.fields_of()
    try:
        do(actor=request.user, **answers)
    except services.Refused as refused:
        if refused.code != "CODE_TAKEN" or not records.is_as(find(answers), answers):
            return _refused(request, act, filled, refused.code)
    return redirect(to(answers))


def change(
    request: SignedIn,
    act: Act,
    form: type[Record],
    record: Model,
    *,
    do: Callable[..., Model],
    to: str,
    initial: dict[str, Any] | None = None,
    wanted: dict[str, Any] | None = None,
) -> HttpResponse:
    """
    Ask how to change a record, and change it, if nobody else did meanwhile.

    :param wanted: what the record is then; the answers, if nothing is said
    """
    if request.method != "POST":
        if wanted and records.is_as(record, wanted):
            return redirect(to)
        shown = {**(initial or {}), "version": log.version_of(record)}
        return _show(request, act, form(initial=shown))
    filled = form(request.POST)
    if not filled.is_valid():
        return _show(request, act, filled, status=422)
    answers, version = filled.fields_of(), filled.cleaned_data.get("version")
    reason = answers.pop("reason")
    try:
        do(actor=request.user, version=-1 if version is None else version, reason=reason, **answers)
    except services.Refused as refused:
        if not records.is_as(record, answers if wanted is None else wanted):
            return _refused(request, act, filled, refused.code, record)
    return redirect(to)


def _show(
    request: SignedIn, act: Act, form: Record, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {"act": act, "form": form, **more}
    return render(request, "portal/desk/act.html", context, status=status)


def _refused(
    request: SignedIn, act: Act, form: Record, code: str, record: Model | None = None
) -> HttpResponse:
    """Name the refusal, at its field if it has one; show what somebody else changed."""
    refusal = refusals.explain(code)
    named = next((name for name in FIELDS.get(code, ()) if name in form.fields), "")
    if named:
        form.add_error(named, refusal.sentence)
    more: dict[str, Any] = {"refusal": refusal}
    if code == "RECORD_CHANGED" and record is not None:
        more["different"] = log.since(record, form.cleaned_data.get("version") or 0)
        # Sent again, the answers are meant for the record as it is now.
        typed = cast(QueryDict, form.data).copy()
        typed["version"] = str(log.version_of(record))
        form.data = typed
    return _show(request, act, form, status=refusal.status, **more)


def so_many(count: int, one: str, many: str = "") -> str:
    """Write a number of things: ``1 account``, ``2 accounts``, ``No account``."""
    word = one if count in (0, 1) else many or f"{one}s"
    return f"{count:,} {word}" if count else f"No {word}"


def waiting(requests: list[Request], what: str) -> str:
    """Say what becomes of open requests, and name the first of them."""
    if not requests:
        return "No open request is concerned."
    named = ", ".join(str(each.number) for each in requests[:NAMED])
    more = f" and {len(requests) - NAMED:,} more" if len(requests) > NAMED else ""
    return f"{so_many(len(requests), 'open request')} {what}: {named}{more}."
