"""What the commands of a replay do with recorded runs; each says what it did in lines."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from registry.models import ReplayRun
from registry.replay import adapters
from registry.replay.engine import Replay
from registry.replay.runner import Runner, Show, compared, rules_of, sha256_of, size_of
from registry.selectors import replay as selectors
from registry.services import replay_runs as services


@dataclass(frozen=True)
class Desk:
    """Where runs are worked on: the administrator, the registry's database, and who is shown."""

    admin_dsn: str
    home: str
    show: Show
    template: str = ""

    def work(self, run: ReplayRun) -> ReplayRun:
        """
        Work on a run until it ends or stops.

        :raises FailedError: it cannot be done as it was asked for
        :raises StoppedError: it cannot go on now
        """
        runner = Runner(
            run, admin_dsn=self.admin_dsn, home=self.home, show=self.show, template=self.template
        )
        try:
            runner.work()
        finally:
            run.refresh_from_db()
        return run


def recorded(path: Path, **given: Any) -> ReplayRun:
    """
    Write down a run over a source.

    :raises OSError: the source cannot be read
    """
    path = path.resolve()
    balances = given.pop("balances", None)
    if balances is not None:
        given |= {"balances_path": str(balances.resolve()), "balances_sha256": sha256_of(balances)}
    return services.record_run(
        path=str(path), file_name=path.name, sha256=sha256_of(path), size=size_of(path), **given
    )


def compare_again(run: ReplayRun, balances: Path) -> dict[str, Any]:
    """
    Compare the ledger of a run that ended with closing balances; its database is worked on.

    :raises FailedError: the balances cannot be read
    """
    history = adapters.history_of(run.adapter, Path(run.path), run=run)
    replay = Replay(
        history, allow_overlap=False, report=lambda outcome: None, rules=rules_of(run.rules)
    )
    for _ in replay.check():
        pass
    found = compared(replay, balances)
    services.record_comparison(run_id=run.pk, **found)
    return found


def status_lines(runs: list[ReplayRun]) -> Iterator[str]:
    """Say how far each run is."""
    for run in runs:
        left = ""
        if run.state == ReplayRun.State.RUNNING and run.seconds and run.done:
            rate = run.done / run.seconds
            left = f"  {rate:,.0f}/s, {max(run.events - run.done, 0) / rate:,.0f} s left"
            silent = datetime.now(UTC) - (run.heartbeat_at or run.created_at)
            left += f", last heard of {silent.total_seconds():,.0f} s ago"
        yield (
            f"Run {run.pk:<5} {run.purpose:<10} {run.state:<9} {run.source:<20}"
            f" {run.done:,} of {run.events:,}, {run.rejected:,} rejected{left}"
        )
        if run.problem:
            yield f"  {run.problem}"


def report(run: ReplayRun) -> dict[str, Any]:
    """Return everything that an auditor asks of a run."""
    applied = [rule for rule in run.rules if rule["action"]]
    return {
        "run": run.pk,
        "purpose": run.purpose,
        "state": run.state,
        "problem": run.problem,
        "source": run.source,
        "adapter": run.adapter,
        "file": run.file_name,
        "sha256": run.sha256,
        "bytes": run.size,
        "options": run.options,
        "code_version": run.code_version,
        "map_version": run.map_version,
        "database": run.database,
        "freeze_at": _instant(run.freeze_at),
        "started_at": _instant(run.started_at),
        "finished_at": _instant(run.finished_at),
        "seconds": round(run.seconds, 1),
        "events": {
            name: getattr(run, name)
            for name in (
                *("events", "done", "accepted", "rejected", "repeated", "unreadable"),
                *("amended", "skipped", "inserted"),
            )
        },
        "counts": run.counts,
        "rejections": selectors.codes_of(run.pk),
        "variances": applied,
        "fixed_at_source": [rule for rule in run.rules if not rule["action"]],
        "figures": run.figures,
        "chains": run.heads,
        "reconciliation": run.reconciliation,
        "comparison": run.comparison,
        "balances_sha256": run.balances_sha256,
    }


def report_lines(run: ReplayRun) -> Iterator[str]:
    """Write the report of a run as text."""
    told = report(run)
    for name in (
        *("run", "purpose", "state", "problem", "source", "adapter", "file", "sha256", "bytes"),
        *("code_version", "map_version", "database", "freeze_at", "started_at", "finished_at"),
        "seconds",
    ):
        if told[name] not in ("", None):
            yield f"{name.replace('_', ' '):<14}{told[name]}"
    yield "events        " + ", ".join(f"{name} {n:,}" for name, n in told["events"].items())
    yield from _counted(run, told)
    for rule in run.rules:
        yield (
            f"  variance {rule['id']}: {rule['event_id']}: {rule['action'] or rule['outcome']}:"
            f" {rule['reason']} ({rule['author']}, signed by {rule['signed_by']})"
        )
    yield from _ledger(run)


def _counted(run: ReplayRun, told: dict[str, Any]) -> Iterator[str]:
    for kind, (count, volume) in sorted(run.counts.get("accepted", {}).items()):
        yield f"  accepted {kind:<26}{count:>10,}  {volume:>20,} certificates"
    for row in told["rejections"]:
        yield f"  rejected {row['code']:<26} {row['kind']:<16}{row['events']:>8,}" + (
            f"  of {row['causes']:,} causes"
        )


def _ledger(run: ReplayRun) -> Iterator[str]:
    for commodity, chain in run.heads.items():
        yield f"  {commodity} chain: height {chain['height']:,}, hash {chain['hash']}"
    for when, figures in run.figures.items():
        for commodity, sums in figures.items():
            yield f"  {when} {commodity}: " + ", ".join(f"{k} {n:,}" for k, n in sums.items())
    if run.reconciled is not None:
        yield f"reconciliation {'clean' if run.reconciled else 'NOT CLEAN'}"
    if run.differences is not None:
        yield f"comparison    {run.differences:,} differences"
        yield from (f"  {row}" for row in (run.comparison or {}).get("differences", [])[:20])


def write_rejections(run: ReplayRun, stream: TextIO) -> None:
    """Write the rejections of a run as CSV."""
    names = ("line", "event_id", "kind", "occurred_at", "code", "root_event", "root_code", "volume")
    writer = csv.writer(stream)
    writer.writerow((*names, "source", "call", "facts"))
    for row in selectors.rejections_of(run.pk):
        writer.writerow(
            [
                *(_safe(getattr(row, name)) for name in names),
                *(
                    json.dumps(part, ensure_ascii=False)
                    for part in (row.source, row.call, row.facts)
                ),
            ]
        )


def _safe(value: Any) -> Any:
    """Keep a spreadsheet from computing what a source wrote."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def _instant(value: datetime | None) -> str:
    return value.isoformat() if value else ""
