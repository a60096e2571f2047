"""The report of a run, its balances, and the checklist of the cutover: on pages and in files."""

import csv
import io

import pytest
from django.test import Client

from registry import services
from registry.models import ReplayRun
from tests import make
from tests.portal import replays
from tests.portal.cast import signed_in


@pytest.fixture(autouse=True)
def _database(committed_db):
    """Every test here works on a database of its own."""


@pytest.fixture
def run() -> ReplayRun:
    """A rehearsal that is over, with four rejections of two causes."""
    return replays.rehearsed()


@pytest.fixture
def auditor() -> Client:
    """The browser of who only reads."""
    return signed_in(make.person(make.organisation("regulator"), "auditor"))


def of(run, event_id):
    """Return what a run rejected about an event."""
    return run.rejections.get(event_id=event_id)


def text(answer):
    """Return the text of a page."""
    return answer.content.decode()


def sheet(answer):
    """Return the rows of a file."""
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_report_names_inputs_counts_and_every_rule_with_its_reason(run, auditor):
    item = replays.decided(of(run, "issue:7"), make.operator(), reason="=1+1 typed twice")
    services.sign_variance(variance_id=item.pk, signer=make.approver())
    rule = {"id": item.pk, "event_id": "issue:7", "action": "skip", "content": {}}
    later = replays.begun()
    later = ReplayRun.objects.get(pk=make.replay_run().pk)
    replays.change(later, state="running", started_at=later.created_at, rules=[rule])
    replays.finish(later, 0)

    shown = text(auditor.get(f"/replay/{later.pk}/report"))
    rows = sheet(auditor.get(f"/replay/{later.pk}/report.csv"))

    for part in (later.sha256, "=1+1 typed twice", make.operator().name, "5,000", "ab" * 32):
        assert part in shown, part
    reason = {"section": "rule", "name": "issue:7", "item": "reason"}
    assert {**reason, "value": "'=1+1 typed twice"} in rows
    assert {"section": "chain", "name": "CDC", "item": "height", "value": "196"} in rows


def test_every_rejection_is_in_its_file_with_what_was_decided(run, auditor):
    replays.decided(of(run, "issue:9"), make.operator())

    rows = sheet(auditor.get(f"/replay/{run.pk}/rejections.csv"))

    assert [(row["line"], row["cause"], row["standing"]) for row in rows] == [
        ("7", "issue:7", "To decide"),
        ("8", "issue:7", "Decided with its cause"),
        ("9", "issue:9", "Waits for a signature"),
        ("12", "issue:7", "Decided with its cause"),
    ]
    assert rows[2]["reason"] == "Entered twice."


def test_balances_that_differ_are_listed_with_their_sum(auditor):
    differences = [
        {
            "account": "=P1-T", "commodity": "CDC", "source": 10, "ledger": 7, "difference": -3,
        },
        {
            "account": "P1-T", "commodity": "CDC", "source_serial": "S7", "first": 8, "last": 10,
            "only": "source",
        },
    ]  # fmt: skip
    given = {"compared": 5, "differences": differences}
    run = replays.finish(replays.begun(), 0, comparison=given, differences=1)

    answer = auditor.get(f"/replay/{run.pk}/compare")
    rows = sheet(auditor.get(f"/replay/{run.pk}/compare.csv"))

    assert answer.context["sums"] == [{"commodity": "CDC", "accounts": 1, "difference": -3}]
    assert "S7, 8 to 10: only the source says so" in text(answer)
    assert [(row["account"], row["difference"]) for row in rows] == [("'=P1-T", "-3"), ("P1-T", "")]


def points(client, source="old-registry"):
    """Return which points of the checklist are so."""
    answer = client.get(f"/replay/cutover?source={source}")
    return {point.name: point.done for point in answer.context["list"].before}


def test_the_checklist_computes_itself(run, auditor):
    found = points(auditor)
    assert (found["rehearsal"], found["rejections"], found["comparison"]) == (True, False, False)
    item = replays.decided(of(run, "issue:7"), make.operator())
    assert not points(auditor)["variances_signed"]
    services.sign_variance(variance_id=item.pk, signer=make.approver())
    assert (points(auditor)["variances_signed"], points(auditor)["same_rules"]) == (True, False)

    rules = [{"id": item.pk, "event_id": "issue:7", "action": "skip", "content": {}}]
    later = make.replay_run()
    later = replays.change(later, state="running", started_at=later.created_at, rules=rules)
    comparison = {"compared": 12, "differences": []}
    replays.finish(later, 0, comparison=comparison, differences=0)

    answer = auditor.get("/replay/cutover")
    assert all(points(auditor).values()), points(auditor)
    assert answer.context["list"].ready
    assert not answer.context["list"].complete
    assert "Ready" in text(answer)


@pytest.mark.parametrize(
    ("fields", "point"),
    [
        ({"unreadable": 1}, "rejections"),
        ({"differences": 2}, "comparison"),
        ({"reconciled": False}, "reconciled"),
        ({"heads": {}}, "chains"),
    ],
    ids=["unreadable", "differences", "unreconciled", "no heads"],
)
def test_each_fault_of_the_last_rehearsal_stands_in_the_way(auditor, fields, point):
    replays.clean()
    comparison = {"compared": 12, "differences": []}
    replays.finish(replays.begun(), 0, **{"comparison": comparison, "differences": 0, **fields})

    assert [name for name, done in points(auditor).items() if not done and name == point]
