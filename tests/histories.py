"""Histories for the replay, how to run it, and a second opinion on what must come of it."""

import dataclasses
import io
import json
import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from ledgerdb import bootstrap
from tests.server import Database

APPROVER, OPERATOR = "registry.approver", "registry.operator"
START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclasses.dataclass
class Played:
    """What one run of the command came to."""

    status: int
    text: str
    outcomes: list[dict[str, Any]]

    @property
    def codes(self) -> dict[str, str]:
        """Return event to code, empty for an accepted one."""
        return {line["event"]: line["code"] for line in self.outcomes}

    @property
    def verdicts(self) -> list[tuple[int, str, str, int]]:
        """Return what must be the same however often it is run."""
        return [(o["line"], o["outcome"], o["code"], o["volume"]) for o in self.outcomes]


def open_window(database: Database, minutes: int = 30) -> None:
    """Allow past times."""
    bootstrap.open_change_window(
        database.server.admin_dsn, database.name, reason="test", minutes=minutes, purpose="replay"
    )


def write(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    """Write a replay file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def play(path: Path, **options: Any) -> Played:
    """Run the command over a file."""
    report, out, err = path.with_suffix(".report"), io.StringIO(), io.StringIO()
    report.unlink(missing_ok=True)
    status = 0
    try:
        call_command("replay", "here", path, report=report, stdout=out, stderr=err, **options)
    except CommandError as error:
        status = error.returncode
        err.write(str(error))
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    return Played(status, out.getvalue() + err.getvalue(), [json.loads(line) for line in lines])


def references(organisations: int = 3) -> list[dict[str, Any]]:
    """Name a commodity, two regions, the registry and some organisations with all they need."""
    lines: list[dict[str, Any]] = [
        {"record": "commodity", "code": "CDC", "name": "Credit", "unit_per_certificate": "1"},
        {"record": "region", "code": "CO", "name": "Colombia"},
        {"record": "region", "code": "PE", "name": "Peru"},
        {"record": "organisation", "code": "REG", "name": "Registry", "kind": "registry"},
        person(OPERATOR, "REG", "operator"),
        person(APPROVER, "REG", "approver"),
    ]
    for n in range(1, organisations + 1):
        lines += [
            {"record": "organisation", "code": f"P{n}", "name": f"Project {n}", "country": "CO"},
            person(f"p{n}.submitter", f"P{n}", "submitter"),
            {"record": "account", "code": f"P{n}-T", "organisation": f"P{n}", "type": "trading"},
            {"record": "account", "code": f"P{n}-R", "organisation": f"P{n}", "type": "retirement"},
            {
                "record": "facility",
                "code": f"F{n}",
                "name": f"Plant {n}",
                "organisation": f"P{n}",
                "region": "CO",
            },
        ]
    return lines


def person(code: str, organisation: str, role: str) -> dict[str, Any]:
    """Name a person."""
    return {
        "record": "person",
        "code": code,
        "name": code.title(),
        "organisation": organisation,
        "role": role,
    }


class Events:
    """Makes events, each an hour after the one before it."""

    def __init__(self) -> None:
        """Start the clock."""
        self.count = 0

    def event(self, kind: str, of: int = 1, **fields: Any) -> dict[str, Any]:
        """Make an event of organisation number ``of``."""
        self.count += 1
        at = START + timedelta(hours=self.count)
        return {
            "record": "event",
            "event_id": f"{kind}:{self.count}",
            "kind": kind,
            "occurred_at": at.isoformat(),
            "submitted_by": f"p{of}.submitter",
            "approved_by": APPROVER,
            "commodity": "CDC",
            **fields,
        }

    def mint(self, volume: int = 100, of: int = 1, month: int = 1, **fields: Any) -> dict[str, Any]:
        """Issue for one month of 2019."""
        first = date(2019, month, 1)
        fields.setdefault("production_start", first.isoformat())
        fields.setdefault("production_end", (first + timedelta(days=27)).isoformat())
        fields.setdefault("source_serial", f"S{self.count + 1}")
        return self.event(
            "mint", of, account=f"P{of}-T", facility=f"F{of}", volume=volume, **fields
        )

    def retire(self, of: int = 1, **fields: Any) -> dict[str, Any]:
        """Retire for a town."""
        return self.event(
            "retire",
            of,
            source_account=f"P{of}-T",
            target_account=f"P{of}-R",
            **{"beneficiary": "Town", "reason": "Tax", **fields},
        )

    def transfer(self, of: int, to: int, **fields: Any) -> dict[str, Any]:
        """Transfer to another organisation."""
        return self.event(
            "transfer", of, source_account=f"P{of}-T", target_account=f"P{to}-T", **fields
        )


def part(serial: str, first: int, last: int) -> dict[str, Any]:
    """Name certificates by their numbers in the old system."""
    return {"source_serial": serial, "first": first, "last": last}


def random_history(seed: int, events: int = 60) -> list[dict[str, Any]]:
    """Make issuances that often overlap, and retirements and transfers that often cannot be."""
    chance, make = random.Random(seed), Events()
    lines = references()
    batches: list[tuple[str, int, int]] = []
    for _ in range(events):
        of = chance.randint(1, 3)
        if len(batches) < 3 or chance.random() < 0.3:
            volume = chance.randint(5, 60)
            lines.append(make.mint(volume, of, month=chance.randint(1, 12)))
            batches.append((lines[-1]["source_serial"], volume, chance.randint(0, 1)))
            continue
        serial, volume, start = chance.choice([*batches, ("never issued", 10, 1)])
        first = chance.randint(start, start + volume - 1)
        ranges = [part(serial, first, min(first + chance.randint(0, 20), start + volume - 1))]
        if chance.random() < 0.5:
            lines.append(make.retire(of, ranges=ranges))
        else:
            lines.append(make.transfer(of, of % 3 + 1, ranges=ranges))
    return lines


def second_opinion(
    lines: list[dict[str, Any]], *, may_overlap: bool
) -> tuple[dict[str, str], dict[str, int]]:
    """
    Work out, without any ledger, the code of each event and what each account holds at the end.

    Knows issuances, and retirements and transfers by source numbers.
    """
    events = [line for line in lines if line["record"] == "event"]
    named = [numbers for event in events for numbers in event.get("ranges", ())]
    from_zero = {numbers["source_serial"] for numbers in named if numbers["first"] == 0}
    issued: list[dict[str, Any]] = []
    holders: dict[str, list[str]] = {}
    codes = {}
    for event in events:
        code = ""
        if event["kind"] == "mint":
            if not may_overlap and any(_clash(event, other) for other in issued):
                code = "PRODUCTION_PERIOD_OVERLAP"
            else:
                issued.append(event)
                holders[event["source_serial"]] = [event["account"]] * event["volume"]
        elif not _move(event, holders, from_zero):
            code = "BLOCK_NOT_HELD"
        codes[event["event_id"]] = code
    accounts = (account for batch in holders.values() for account in batch)
    return codes, dict(Counter(accounts))


def _clash(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether one facility is issued for twice for the same day."""
    return bool(
        one["facility"] == other["facility"]
        and one["production_start"] <= other["production_end"]
        and one["production_end"] >= other["production_start"]
    )


def _move(event: dict[str, Any], holders: dict[str, list[str]], from_zero: set[str]) -> bool:
    """Give each named certificate its new holder, if the source holds all of them."""
    wanted = [
        (numbers["source_serial"], number - (numbers["source_serial"] not in from_zero))
        for numbers in event["ranges"]
        for number in range(numbers["first"], numbers["last"] + 1)
    ]
    held = all(
        0 <= index < len(holders.get(serial, ()))
        and holders[serial][index] == event["source_account"]
        for serial, index in wanted
    )
    for serial, index in wanted if held else ():
        holders[serial][index] = event["target_account"]
    return held
