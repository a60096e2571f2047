"""The report of a run in words and figures: what it was given, what came of it. Pure."""

from collections.abc import Iterator
from typing import Any

from registry.models import ReplayRun, Request
from registry.replay import written

Row = dict[str, Any]
Line = list[Any]
CHECKS = {
    "spent_input": "Unspent blocks are exactly those that were never consumed",
    "balance_drift": "Each stored balance is the sum of its postings",
    "asset_conservation": "The unspent blocks of each batch add up to what was minted",
    "posting_balance": "Credits equal debits in each transaction and batch",
}


def inputs(run: ReplayRun) -> list[tuple[str, str]]:
    """Return what a run was given, and with what it was replayed."""
    found = [
        ("Source", run.source),
        ("Adapter", run.adapter),
        ("File", run.file_name),
        ("Size", f"{run.size:,} bytes"),
        ("SHA-256 of the file", run.sha256),
        ("File of balances", run.balances_path.rpartition("/")[2]),
        ("SHA-256 of the balances", run.balances_sha256),
        ("Options", ", ".join(f"{name}: {text}" for name, text in written.facts(run.options))),
        ("Version of the code", run.code_version),
        ("Version of the rules", run.map_version),
        ("Database", run.database),
    ]
    return [(name, text) for name, text in found if text]


def totals(run: ReplayRun) -> list[tuple[str, int]]:
    """Return what became of the events of a run."""
    return [
        ("Events", run.events),
        ("Accepted", run.accepted),
        ("Rejected", run.rejected),
        ("Repeated", run.repeated),
        ("Unreadable", run.unreadable),
        ("Changed by a rule", run.amended),
        ("Left out by a rule", run.skipped),
        ("Added by a rule", run.inserted),
    ]


def accepted(run: ReplayRun) -> list[Row]:
    """Return the accepted events and certificates of each kind."""
    found = run.counts.get("accepted", {})
    kinds = [(label, found[name]) for name, label in Request.Kind.choices if found.get(name)]
    return [{"kind": kind, "events": pair[0], "certificates": pair[1]} for kind, pair in kinds]


def rejected(run: ReplayRun) -> list[Row]:
    """Return the rejected events of each name and kind, by name."""
    kinds = dict(Request.Kind.choices)
    return [
        {"code": code, "kind": kinds.get(kind, kind), "events": events}
        for code, of_kind in sorted(run.counts.get("rejected", {}).items())
        for kind, events in sorted(of_kind.items())
    ]


def figures(run: ReplayRun) -> list[Row]:
    """Return the figures of the ledger before and after a run, by commodity."""
    before, after = (run.figures.get(when) or {} for when in ("before", "after"))
    found = []
    for commodity in sorted({*before, *after}):
        old, new = before.get(commodity) or {}, after.get(commodity) or {}
        found += [
            {
                "commodity": commodity,
                "figure": name.replace("_", " "),
                "before": old.get(name, 0),
                "after": new.get(name, 0),
            }
            for name in dict.fromkeys((*old, *new))
        ]
    return found


def checks(run: ReplayRun) -> list[Row]:
    """Return what each check of the reconciliation found."""
    found = (run.reconciliation or {}).get("checks", {})
    known = [name for name in CHECKS if name in found]
    return [{"name": name, "title": CHECKS[name], **found[name]} for name in known]


def differences(run: ReplayRun) -> list[Row]:
    """Return what differs from the source: balances, and certificates that are with others."""
    given = (run.comparison or {}).get("differences", [])
    return [
        {
            **{name: row.get(name, "") for name in ("account", "commodity")},
            **{name: row.get(name) for name in ("source", "ledger", "difference")},
            "certificates": _certificates(row),
        }
        for row in given
    ]


def _certificates(row: Row) -> str:
    if "source_serial" not in row:
        return ""
    where = {"source": "only the source says so", "ledger": "only the ledger says so"}
    numbers = f"{row.get('first')} to {row.get('last')}"
    return f"{row['source_serial']}, {numbers}: {where.get(str(row.get('only')), '')}"


def difference_sums(rows: list[Row]) -> list[Row]:
    """Add the balances that differ up by commodity."""
    sums: dict[str, Row] = {}
    for row in rows:
        if row["difference"] is None:
            continue
        empty = {"commodity": row["commodity"], "accounts": 0, "difference": 0}
        found = sums.setdefault(row["commodity"], empty)
        found["accounts"] += 1
        found["difference"] += row["difference"]
    return [sums[name] for name in sorted(sums)]


def rows(run: ReplayRun, rules: list[Row]) -> Iterator[Line]:
    """Write the whole report as rows of section, name, item and value."""
    yield from (["input", name, "", text] for name, text in inputs(run))
    yield ["run", "number", "", run.pk]
    yield ["run", "purpose", "", run.get_purpose_display()]
    yield ["run", "state", "", run.get_state_display()]
    for name in ("created_at", "started_at", "finished_at", "freeze_at"):
        moment = getattr(run, name)
        yield ["run", name, "", moment.isoformat() if moment else ""]
    yield ["run", "asked by", "", run.asked_by.name if run.asked_by else ""]
    yield ["run", "seconds", "", round(run.seconds, 1)]
    yield from (["events", name, "", count] for name, count in totals(run))
    for row in accepted(run):
        yield ["accepted", row["kind"], "events", row["events"]]
        yield ["accepted", row["kind"], "certificates", row["certificates"]]
    yield from (["rejected", row["code"], row["kind"], row["events"]] for row in rejected(run))
    for row in figures(run):
        yield ["figures", row["commodity"], f"{row['figure']}, before", row["before"]]
        yield ["figures", row["commodity"], f"{row['figure']}, after", row["after"]]
    for commodity, head in sorted(run.heads.items()):
        yield from (["chain", commodity, name, value] for name, value in head.items())
    holds = {True: "hold", False: "violated"}
    made = "not made" if run.reconciled is None else holds[run.reconciled]
    yield ["reconciliation", "all checks", "", made]
    yield from (["reconciliation", r["name"], "violations", r["violations"]] for r in checks(run))
    yield ["comparison", "differences", "", "" if run.differences is None else run.differences]
    yield from _of_rules(rules)


def _of_rules(rules: list[Row]) -> Iterator[Line]:
    for row in rules:
        rule, variance = row["rule"], row["variance"]
        name = rule.get("event_id", "")
        yield ["rule", name, "action", rule.get("action", "")]
        yield ["rule", name, "content", written.as_text(rule.get("content", {}))]
        if variance is not None:
            yield ["rule", name, "reason", variance.reason]
            yield ["rule", name, "author", variance.author.name]
            yield ["rule", name, "signed by", variance.signed_by.name if variance.signed_by else ""]
