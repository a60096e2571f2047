"""The report of a run, and its balances against the source's: as pages and as files."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal import sheets
from registry.access import SignedIn
from registry.models import ReplayRun
from registry.replay import written
from registry.selectors import rehearsals, rejections, reports, variances

# The page names so many; the file names all.
NAMED = 200
REJECTED = [
    "line", "event", "kind", "occurred_at", "volume", "code", "cause", "cause_code", "standing",
    "decision", "what", "reason", "author", "signed_by", "assignee", "source", "call", "facts",
]  # fmt: skip


@require_safe
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show the report of a run, to be printed and kept."""
    run = rehearsals.run(request.user, number)
    rejected = rejections.judged(run)
    context = {
        "run": run,
        "pace": rehearsals.pace(run),
        "inputs": reports.inputs(run),
        "accepted": reports.accepted(run),
        "codes": reports.rejected(run),
        "figures": reports.figures(run),
        "heads": sorted(run.heads.items()),
        "checks": reports.checks(run),
        "rules": variances.of_run(run),
        "rejections": list(rejected[:NAMED]),
        "standings": rejections.STANDINGS,
        "more": max(run.rejected - NAMED, 0),
    }
    return render(request, "portal/replay/report.html", context)


@require_safe
def sheet(request: SignedIn, number: int) -> HttpResponseBase:
    """Send the report of a run as a table of section, name and value."""
    run = rehearsals.run(request.user, number)
    rows = reports.rows(run, variances.of_run(run))
    return sheets.respond(f"replay-run-{run.pk}-report", ["section", "name", "item", "value"], rows)


@require_safe
def rejected(request: SignedIn, number: int) -> HttpResponseBase:
    """Send everything that a run rejected, with what was decided about each."""
    run = rehearsals.run(request.user, number)
    return sheets.respond(f"replay-run-{run.pk}-rejections", REJECTED, _rejected(run))


@require_safe
def compare(request: SignedIn, number: int) -> HttpResponse:
    """Show the balances of a run beside those that the source says."""
    run = rehearsals.run(request.user, number)
    differences = reports.differences(run)
    context = {
        "run": run,
        "differences": differences[:NAMED],
        "more": max((run.differences or 0) - NAMED, 0),
        "compared": (run.comparison or {}).get("compared", 0),
        "certificates": (run.comparison or {}).get("certificates"),
        "sums": reports.difference_sums(differences),
    }
    return render(request, "portal/replay/compare.html", context)


@require_safe
def compare_sheet(request: SignedIn, number: int) -> HttpResponseBase:
    """Send every difference between a run and its source."""
    run = rehearsals.run(request.user, number)
    header = ["account", "commodity", "source", "ledger", "difference", "certificates"]
    found = reports.differences(run)
    rows = (["" if row[name] is None else row[name] for name in header] for row in found)
    return sheets.respond(f"replay-run-{run.pk}-comparison", header, rows)


def _rejected(run: ReplayRun) -> Iterator[list[Any]]:
    decided = variances.by_event(run.source)
    for each in rejections.judged(run).select_related("assignee").iterator(500):
        made = decided.get(each.event_id)
        yield [
            each.line, each.event_id, each.kind,
            each.occurred_at.isoformat() if each.occurred_at else "",
            each.volume if each.volume is not None else "",
            each.code, each.root_event, each.root_code, rejections.STANDINGS[each.standing],
            (made.get_action_display() or made.get_outcome_display()) if made else "",
            written.as_text(made.content) if made else "",
            made.reason if made else "",
            made.author.name if made else "",
            made.signed_by.name if made and made.signed_by else "",
            each.assignee.name if each.assignee else "",
            written.as_line(each.source), written.as_line(each.call), written.as_line(each.facts),
        ]  # fmt: skip
