"""A migration under way: the book of an older registry, rehearsed twice, some of it decided."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from registry import services
from registry.demo import cast
from registry.demo.holdings import last_of_month
from registry.models import ReplayRun, User
from registry.replay.console import Desk, recorded
from registry.selectors import rejections, variances

SOURCE = "norrland-book"
STAFF = ("norrland.clerk", "norrland.chief")
PLANTS = {"STO": "Storforsen", "LAI": "Laisan", "VIN": "Vindelkraft"}
Event = dict[str, Any]


def rehearse(admin_dsn: str, home: str, directory: Path) -> list[ReplayRun]:
    """Rehearse the migration, decide about some of what was rejected, and rehearse it again."""
    directory.mkdir(parents=True, exist_ok=True)
    history, balances = directory / "norrland-book.jsonl", directory / "closing-balances.csv"
    events = sorted(_events(), key=lambda event: str(event["occurred_at"]))
    lines = [*_references(), *events]
    history.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    _close(balances, events)
    desk = Desk(admin_dsn=admin_dsn, home=home, show=lambda things, what, total: things)
    operator = User.objects.get(email="ines@registry.example")
    runs = []
    for decide in (_decide, _decide_more):
        run = recorded(
            history, balances=balances, source=SOURCE, adapter="jsonl", asked_by=operator
        )
        runs.append(desk.work(run))
        decide(run, operator)
    return runs


def _decide(run: ReplayRun, operator: User) -> None:
    """Change two events, which a second person signs, and ask the source to correct a third."""
    approver = User.objects.get(email=cast.REGISTRY.people[0].email)
    for event, changed, reason in (
        (
            "issue:LAI-07",
            {"production_start": "2023-07-01", "production_end": "2023-07-31"},
            "The meter reading is of July; the clerk copied the days of June. Letter of Laisan AB"
            " of 12 August 2023, in the archive of the old registry.",
        ),
        (
            "transfer:31",
            {"approved_by": STAFF[1]},
            "The paper form bears the signature of the chief; the clerk entered his own name.",
        ),
    ):
        found = _decided(run, event, operator, "amend", {"set": changed, "remove": []}, reason)
        services.sign_variance(variance_id=found, signer=approver)
    _decided(
        run,
        "retire:44",
        operator,
        "",
        {"expected": "last: 900. The printed statement says 900 certificates, not 9,000."},
        "A zero too many. The old registry has promised a corrected export.",
    )


def _decide_more(run: ReplayRun, operator: User) -> None:
    """Leave one event out; nobody has signed that yet, and the rest is still to decide."""
    _decided(
        run,
        "issue:VIN-03-again",
        operator,
        "skip",
        {},
        "The same reading was entered twice within a minute, by the same clerk.",
    )


def _decided(
    run: ReplayRun, event: str, author: User, action: str, content: Event, reason: str
) -> int:
    rejection = rejections.judged(run).get(event_id=event)
    decided = services.decide_event(
        rejection=rejection,
        author=author,
        outcome="variance" if action else "fix_at_source",
        action=action,
        content=content,
        reason=reason,
    )
    services.assign_rejection(rejection=rejection, assignee=author)
    found = variances.live(run.source, event)
    return found.pk if found else decided.pk


def _references() -> Iterator[Event]:
    yield {"record": "commodity", "code": "NGO", "name": "Norrland guarantee of origin"}
    yield {"record": "region", "code": "SE1", "name": "Norrland"}
    yield {"record": "organisation", "code": "NOB", "name": "Norrland book", "kind": "registry"}
    for code, role in zip(STAFF, ("operator", "approver"), strict=True):
        yield _person(code, "NOB", role)
    for code, name in {**PLANTS, "BOD": "Bodens Handel"}.items():
        yield {"record": "organisation", "code": code, "name": f"{name} AB", "country": "SE"}
        yield _person(f"{code.lower()}.desk", code, "submitter")
        for suffix, type_ in (("T", "trading"), ("R", "retirement")):
            account = {"code": f"{code}-{suffix}", "organisation": code, "type": type_}
            yield {"record": "account", **account}
    for code, name in PLANTS.items():
        plant = {"code": f"{code}-1", "name": name, "organisation": code, "region": "SE1"}
        yield {"record": "facility", **plant, "technology": "Hydropower"}


def _person(code: str, organisation: str, role: str) -> Event:
    name = code.replace(".", " ").title()
    person = {"code": code, "name": name, "organisation": organisation, "role": role}
    return {"record": "person", **person}


def _events() -> Iterator[Event]:
    """Tell a year, month by month, with the mistakes that people made in it."""
    number = 0
    for month in range(1, 13):
        at = datetime(2023, month, 28, 8, tzinfo=UTC) + timedelta(days=9)
        for minute, code in enumerate(PLANTS):
            yield _issue(f"issue:{code}-{month:02}", code, month, at + timedelta(minutes=minute))
            if (code, month) == ("VIN", 3):
                yield _issue("issue:VIN-03-again", code, month, at + timedelta(minutes=9))
            number += 1
            sold = _moved("transfer", number, code, "BOD-T", at + timedelta(hours=2 + minute))
            yield {**sold, **_numbers(code, month, 1, 1500)}
            number += 1
            used = _moved("retire", number, code, f"{code}-R", at + timedelta(hours=5 + minute))
            used |= {"beneficiary": "Luleå kommun", "reason": f"Electricity used in month {month}"}
            yield {**used, **_numbers(code, month, 1501, 9000 if number == 44 else 1900)}


def _issue(event: str, code: str, month: int, at: datetime) -> Event:
    # Laisan's July carries the days of June.
    first = date(2023, 6 if event == "issue:LAI-07" else month, 1)
    again = event.endswith("again")
    return {
        **_event("mint", event, code, at),
        "account": f"{code}-T",
        "facility": f"{code}-1",
        "production_start": first.isoformat(),
        "production_end": last_of_month(first).isoformat(),
        "volume": 2000,
        "source_serial": f"{code}-2023-{month:02}{'-B' if again else ''}",
        "source_first": 1,
    }


def _moved(kind: str, number: int, code: str, to: str, at: datetime) -> Event:
    fields = _event(kind, f"{kind}:{number}", code, at)
    if number == 31:
        fields["approved_by"] = fields["submitted_by"]
    # An account that was renamed, and that nobody has looked into yet.
    if number == 58:
        to = "LAI-KUND"
    return {**fields, "source_account": f"{code}-T", "target_account": to}


def _event(kind: str, event: str, code: str, at: datetime) -> Event:
    return {
        "record": "event",
        "event_id": event,
        "kind": kind,
        "occurred_at": at.isoformat(),
        "submitted_by": f"{code.lower()}.desk",
        "approved_by": STAFF[1],
        "commodity": "NGO",
    }


def _numbers(code: str, month: int, first: int, last: int) -> Event:
    return {"ranges": [{"source_serial": f"{code}-2023-{month:02}", "first": first, "last": last}]}


def _close(path: Path, events: list[Event]) -> None:
    """Write what the old registry says is held: it took every event for what it was meant to be."""
    held: Counter[str] = Counter()
    for event in events:
        if event["event_id"].endswith("again"):
            continue
        ranges = event.get("ranges", ())
        moved = event.get("volume") or sum(
            min(part["last"], 1900) - part["first"] + 1 for part in ranges
        )
        held[event.get("account") or event["target_account"]] += moved
        if "source_account" in event:
            held[event["source_account"]] -= moved
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["account", "commodity", "balance"])
        writer.writerows([account, "NGO", held[account]] for account in sorted(held))
