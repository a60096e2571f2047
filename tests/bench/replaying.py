"""Measure a migration: make histories of some lengths, replay each as a run, write the section."""

import json
import os
import platform
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from rich.console import Console

from ledgerdb.embedded import EmbeddedServer
from registry.models import ReplayRun
from registry.settings import BASE_DIR
from tests.bench import report
from tests.server import Database, Server, build_template, clone, django_uses, environment

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB"}
# For debugging, Django would keep the text of every statement.
AS_DEPLOYED = {
    "STRATA_DEBUG": "0",
    "STRATA_SECRET_KEY": secrets.token_urlsafe(48),
    "STRATA_ALLOWED_HOSTS": "localhost",
    "STRATA_REPLAY_LOGIN": "1",
}
ORGANISATIONS = 100
# In ten events: so many issue, so many transfer, and the others retire.
ISSUES, TRANSFERS = 3, 4
# One retirement in so many names the numbers of a batch that was issued some time before.
BY_NUMBERS = 10
say = Console(stderr=True).print


def measure(lengths: list[int], *, dry: bool) -> None:
    """Replay made-up histories of so many events, each on a server of its own."""
    lines = [
        f"Measured on {datetime.now(tz=UTC):%d %B %Y} by `python -m tests.bench --replay"
        f" {' '.join(map(str, lengths))}`. PostgreSQL 18 from the wheel, fsync on,"
        f" {os.cpu_count()} cores ({platform.machine()}), shared_buffers 1 GB.",
        "",
        "| Events | Seconds of the run | A second | First tenth | Last tenth | Largest size of the"
        " command |",
        "|---|---|---|---|---|---|",
    ]
    for length in lengths:
        found = _measure(length)
        say(found)
        lines.append(found)
    if not dry:
        report.replace("replay", lines)


def _measure(length: int) -> str:
    directory = Path(tempfile.mkdtemp(prefix="strata-bench-", dir="/var/tmp"))
    directory.chmod(0o711)
    try:
        file = directory / "history.jsonl"
        with file.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in history(length))
        with EmbeddedServer(directory / "data", settings=SETTINGS) as started:
            server = Server(started.dsn(), {})
            build_template(server)
            with clone(server) as database, django_uses(server, database.name):
                return _replayed(file, database, length)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _replayed(file: Path, database: Database, length: int) -> str:
    """Replay in a process of its own, and look now and then how far it is."""
    command = [sys.executable, "manage.py", "replay", "start", str(file), "--source", "made-up"]
    process = subprocess.Popen(
        command,
        cwd=BASE_DIR,
        env={
            **environment(database),
            **AS_DEPLOYED,
            "STRATA_ADMIN_DSN": database.server.admin_dsn,
        },
        stdout=subprocess.DEVNULL,
    )
    seen: list[tuple[float, int]] = []
    ended = 0
    while not ended:
        time.sleep(1)
        # Of this process alone: what the children of this one came to is the largest of all.
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        run = ReplayRun.objects.first()
        connection.close()
        if run is not None and run.done and (not seen or run.done > seen[-1][1]):
            seen.append((time.monotonic(), run.done))
    run = ReplayRun.objects.get()
    process.returncode = os.waitstatus_to_exitcode(status)
    if status or run.accepted != length or not run.reconciled:
        raise RuntimeError(f"the run ended with {process.returncode}: {run.problem}")
    size = used.ru_maxrss // 1024
    first = [point for point in seen if point[1] <= length / 10]
    last = [point for point in seen if point[1] >= length * 9 / 10]
    first, last = (first if len(first) > 1 else seen[:2]), (last if len(last) > 1 else seen[-2:])
    return (
        f"| {length:,} | {run.seconds:,.0f} | **{length / run.seconds:,.0f}** | {_rate(first)} |"
        f" {_rate(last)} | {size:,} MB |"
    )


def _rate(points: list[tuple[float, int]]) -> str:
    (began, few), (ended, many) = points[0], points[-1]
    return f"{(many - few) / (ended - began):,.0f}" if ended > began else "-"


def history(events: int) -> Iterator[dict[str, Any]]:
    """Make up a history in which nothing is wrong: references, then so many events."""
    yield from _references()
    made = _Made()
    for number in range(events):
        yield made.event(number)


class _Made:
    """What was made up so far."""

    def __init__(self) -> None:
        self.chance = random.Random(1)
        self.at = datetime(2015, 1, 1, tzinfo=UTC)
        self.held, self.issued = [0] * ORGANISATIONS, [0] * ORGANISATIONS
        # Batches kept apart until they are retired by their numbers: owner, serial, volume.
        self.kept: list[tuple[int, str, int]] = []

    def event(self, number: int) -> dict[str, Any]:
        """Make up the next event."""
        self.at += timedelta(seconds=self.chance.randint(1, 200))
        of, turn = self.chance.randrange(ORGANISATIONS), self.chance.randrange(10)
        if turn < ISSUES or self.held[of] < 100:
            return self._issue(number, of)
        volume = self.chance.randint(1, min(self.held[of], 500))
        if turn < ISSUES + TRANSFERS:
            to = (of + self.chance.randrange(1, ORGANISATIONS)) % ORGANISATIONS
            self.held[of] -= volume
            self.held[to] += volume
            return _event(
                number, self.at, of, "transfer",
                source_account=f"P{of}-T", target_account=f"P{to}-T", volume=volume,
            )  # fmt: skip
        if len(self.kept) > ORGANISATIONS:
            owner, serial, volume = self.kept.pop(0)
            numbers = [{"source_serial": serial, "first": 1, "last": volume}]
            return _retirement(number, self.at, owner, "K", ranges=numbers)
        self.held[of] -= volume
        return _retirement(number, self.at, of, "T", volume=volume)

    def _issue(self, number: int, of: int) -> dict[str, Any]:
        volume = self.chance.randint(100, 5000)
        apart = self.chance.randrange(BY_NUMBERS) == 0
        if apart:
            self.kept.append((of, f"S{number}", volume))
        else:
            self.held[of] += volume
        # No facility is issued for twice for one day.
        self.issued[of] += 1
        day = (date(1900, 1, 1) + timedelta(days=self.issued[of])).isoformat()
        return _event(
            number, self.at, of, "mint", account=f"P{of}-{'K' if apart else 'T'}",
            facility=f"F{of}", production_start=day, production_end=day, volume=volume,
            source_serial=f"S{number}",
        )  # fmt: skip


def _references() -> Iterator[dict[str, Any]]:
    yield {"record": "commodity", "code": "CDC", "name": "Credit", "unit_per_certificate": "1"}
    yield {"record": "region", "code": "CO", "name": "Colombia"}
    yield {"record": "organisation", "code": "REG", "name": "Registry", "kind": "registry"}
    yield _person("registry.approver", "REG", "approver")
    for n in range(ORGANISATIONS):
        yield {"record": "organisation", "code": f"P{n}", "name": f"Project {n}", "country": "CO"}
        yield _person(f"p{n}", f"P{n}", "submitter")
        for kind, type_ in (("T", "trading"), ("K", "trading"), ("R", "retirement")):
            yield {
                "record": "account", "code": f"P{n}-{kind}", "organisation": f"P{n}", "type": type_,
            }  # fmt: skip
        yield {
            "record": "facility", "code": f"F{n}", "name": f"Plant {n}", "organisation": f"P{n}",
            "region": "CO",
        }  # fmt: skip


def _person(code: str, organisation: str, role: str) -> dict[str, Any]:
    return {
        "record": "person", "code": code, "name": code, "organisation": organisation, "role": role,
    }  # fmt: skip


def _event(number: int, at: datetime, of: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "record": "event", "event_id": f"{kind}:{number}", "kind": kind,
        "occurred_at": at.isoformat(), "submitted_by": f"p{of}",
        "approved_by": "registry.approver", "commodity": "CDC", **fields,
    }  # fmt: skip


def _retirement(number: int, at: datetime, of: int, account: str, **what: Any) -> dict[str, Any]:
    return _event(
        number, at, of, "retire", source_account=f"P{of}-{account}", target_account=f"P{of}-R",
        beneficiary="Town", reason="Tax", **what,
    )  # fmt: skip
