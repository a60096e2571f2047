"""Runs of a replay on databases of their own, from start to cutover."""

import io
import json
import random
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from psycopg import sql

from ledgerdb import bootstrap, clones
from registry.models import ReplayRejection, ReplayRun, Request
from registry.replay import console, engine, runner
from registry.settings import BASE_DIR
from tests import histories, make
from tests.histories import Events, part, write
from tests.server import TEMPLATE, environment

SOURCE = "old-registry"
FREEZE = "2026-01-01T00:00:00Z"


class Desk:
    """Runs the commands over a source, and drops the databases they made."""

    def __init__(self, database, directory):
        """Take the registry's database, and where files are."""
        self.database, self.directory = database, directory
        self.admin_dsn = database.server.admin_dsn

    def call(self, *words, **options) -> tuple[int, str]:
        """Run a command; return its exit status and what it said."""
        out, status = io.StringIO(), 0
        try:
            call_command(*words, stdout=out, stderr=out, **options)
        except CommandError as error:
            status = error.returncode
            out.write(str(error))
        return status, out.getvalue()

    def start(self, lines, **options) -> tuple[int, ReplayRun]:
        """Rehearse a history; return the exit status and the run."""
        path = write(self.directory / "history.jsonl", lines)
        status, self.said = self.call(
            "replay", "start", path, source=SOURCE, **self.working, **options
        )
        return status, ReplayRun.objects.first()

    @property
    def working(self):
        """Return the options of whatever works on a run."""
        return {"admin_dsn": self.admin_dsn, "template": TEMPLATE, "quiet": True}

    def drop_all(self):
        """Drop the databases of the runs."""
        for name in ReplayRun.objects.filter(purpose="rehearsal").values_list(
            "database", flat=True
        ):
            if name:
                clones.drop(self.admin_dsn, name)


@pytest.fixture
def desk(committed_db, tmp_path):
    """Work on runs, and leave no database behind."""
    desk = Desk(committed_db, tmp_path)
    yield desk
    desk.drop_all()


def overlapping() -> list[dict]:
    """Issue twice for one month, and retire what the second issuance would have made."""
    events = Events()
    first, second = events.mint(10, month=1), events.mint(20, month=1)
    serial = second["source_serial"]
    retirement = events.retire(1, ranges=[part(serial, 1, 5)])
    return [*histories.references(), first, second, retirement]


def signed(event: dict, **fields):
    """Let an operator decide about an event, and an approver sign."""
    variance = make.variance(event["event_id"], **fields)
    type(variance).objects.filter(pk=variance.pk).update(
        signed_by=make.approver(), signed_at=timezone.now()
    )
    return variance


def test_a_run_keeps_its_inputs_its_rejections_with_their_cause_and_the_ledger_around(desk):
    lines = overlapping()

    status, run = desk.start(lines)

    assert (status, run.state, run.accepted, run.rejected) == (1, "finished", 1, 2)
    assert (run.reconciled, run.heads["CDC"]["height"], len(run.sha256)) == (True, 1, 64)
    assert run.database == f"{desk.database.name}_replay_{run.pk}"
    mint, retirement = run.rejections.order_by("line")
    assert (mint.code, mint.root_event) == ("PRODUCTION_PERIOD_OVERLAP", mint.event_id)
    assert (retirement.code, retirement.root_event) == ("BLOCK_NOT_HELD", mint.event_id)
    assert retirement.root_code == "PRODUCTION_PERIOD_OVERLAP"
    assert mint.source["volume"] == 20
    assert (mint.call["target"], mint.call["facility"]) == ("P1-T", "F1")
    assert mint.facts["ledger"]["balances"] == {"P1-T": 10}
    assert mint.facts["ledger"]["height"] == 1
    assert not Request.objects.exists()


def test_a_signed_rule_applies_to_the_next_run_and_an_unsigned_one_does_not(desk):
    lines = overlapping()
    _, first = desk.start(lines)
    make.variance(lines[-1]["event_id"])
    february = {"production_start": "2019-02-01", "production_end": "2019-02-28"}
    signed(lines[-2], action="amend", content={"set": february})

    status, run = desk.start(lines)

    assert (status, run.accepted, run.rejected, run.amended) == (0, 3, 0, 1)
    assert run.map_version != first.map_version
    report = console.report(run)
    assert [rule["action"] for rule in report["variances"]] == ["amend"]
    assert report["variances"][0]["reason"].startswith("Entered twice")


def test_a_run_keeps_its_window_open_while_it_works_and_not_one_that_somebody_closed(
    desk, monkeypatch
):
    monkeypatch.setattr(runner, "KEPT_SECONDS", 0.0)
    kept = []
    keep = bootstrap.keep_change_window
    monkeypatch.setattr(
        bootstrap,
        "keep_change_window",
        lambda *window, minutes: kept.append(keep(*window, minutes=minutes)),
    )

    _, run = desk.start(overlapping())

    assert set(kept) == {True}
    windows = bootstrap.change_windows(desk.admin_dsn, run.database)
    assert [each["open"] for each in windows if each["purpose"] == "replay"] == [False]
    window = bootstrap.open_change_window(
        desk.admin_dsn, run.database, reason="test", purpose="replay"
    )
    bootstrap.close_change_window(desk.admin_dsn, run.database, purpose="replay")
    assert not keep(desk.admin_dsn, run.database, window, minutes=5)


def test_a_rule_that_leaves_an_event_out_does_not_silence_what_depended_on_it(desk):
    lines = overlapping()
    make.registry()
    signed(lines[-2], action="skip")

    status, run = desk.start(lines)

    assert (status, run.skipped, run.rejected, run.done, run.events) == (1, 1, 1, 3, 3)
    assert run.rejections.get().code == "BLOCK_NOT_HELD"


def test_two_runs_of_one_history_end_in_the_same_hash(desk, monkeypatch):
    lines = histories.random_history(5, events=40)

    _, one = desk.start(lines)
    assert one.state == "finished", desk.said
    # In other groups: what is prepared beside an execution sees none of it, and tells the same.
    monkeypatch.setattr(engine, "CHUNK", 3)
    _, other = desk.start(lines)

    assert other.state == "finished", desk.said
    assert one.heads == other.heads, desk.said
    assert one.counts == other.counts
    assert (one.sha256, one.map_version) == (other.sha256, other.map_version)
    codes, _ = histories.second_opinion(lines, may_overlap=False)
    rejected, again = (
        {
            each.event_id: (each.code, each.facts["ledger"])
            for each in ReplayRejection.objects.filter(run=run)
        }
        for run in (one, other)
    )
    assert {event: code for event, (code, _) in rejected.items()} == {
        event: code for event, code in codes.items() if code
    }
    assert again == rejected


def test_a_copied_sequence_is_logged_where_it_is(desk):
    _, run = desk.start(overlapping())
    name = f"{run.database}_again"
    clones.make_clone(desk.admin_dsn, run.database, name)
    try:
        with bootstrap.connect(desk.admin_dsn, name) as connection:
            used = connection.execute(
                "SELECT seqrelid::regclass::text FROM pg_sequence"
                " WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"
            ).fetchall()
            # What the copy believes to be logged ahead is not, and comes twice after a crash.
            ahead = {
                sequence: connection.execute(f"SELECT log_cnt FROM {sequence}").fetchone()[0]
                for (sequence,) in used
            }
    finally:
        clones.drop(desk.admin_dsn, name)

    assert "ledger.change_windows_id_seq" in ahead
    assert set(ahead.values()) == {0}


def test_a_template_that_somebody_is_still_in_is_waited_for(desk, monkeypatch):
    said_so = []

    class Busy(psycopg.Connection):
        """A connection that finds the template in use at first."""

        def execute(self, query, *given, **options):
            if "CREATE DATABASE" in str(query) and not said_so:
                said_so.append(query)
                raise psycopg.errors.ObjectInUse
            return super().execute(query, *given, **options)

    monkeypatch.setattr(
        bootstrap, "connect", lambda dsn, name: Busy.connect(dsn, dbname=name, autocommit=True)
    )

    _, run = desk.start(overlapping())

    assert (run.state, len(said_so)) == ("finished", 1), desk.said


def test_a_killed_run_goes_on_and_ends_in_the_same_hash(desk):
    lines = histories.random_history(21, events=120)
    _, whole = desk.start(lines)
    run = console.recorded(
        desk.directory / "history.jsonl", source=SOURCE, adapter="jsonl", options={}
    )
    chance = random.Random(3)
    for _ in range(3):
        process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "replay", "resume", str(run.pk), "--quiet"),
                *("--template", TEMPLATE),
            ],
            cwd=BASE_DIR,
            env={**environment(desk.database), "STRATA_ADMIN_DSN": desk.admin_dsn},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wanted = executed(desk, run) + chance.randint(1, 20)
        while process.poll() is None and executed(desk, run) < wanted:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()

    status, said = desk.call("replay", "resume", str(run.pk), **desk.working)

    run.refresh_from_db()
    assert (status, run.state, run.heads) == (1, "finished", whole.heads), said
    assert (run.accepted, run.rejected) == (whole.accepted, whole.rejected)
    assert run.rejections.count() == whole.rejections.count()


def executed(desk, run) -> int:
    """Return how many requests the database of a run holds."""
    name = f"{desk.database.name}_replay_{run.pk}"
    try:
        with psycopg.connect(desk.admin_dsn, dbname=name) as connection:
            return connection.execute("SELECT count(*) FROM registry_request").fetchone()[0]
    except psycopg.Error:
        return 0


def test_nobody_works_on_a_run_that_another_process_holds(desk):
    run = make.replay_run()

    with clones.alone_on(desk.admin_dsn, desk.database.name, run.pk):
        status, said = desk.call("replay", "resume", str(run.pk), **desk.working)

    assert status == 3
    assert "Another process works on run" in said


def test_a_run_does_not_go_on_with_another_source(desk):
    path = write(desk.directory / "history.jsonl", overlapping())
    run = console.recorded(path, source=SOURCE, adapter="jsonl", options={})
    write(path, overlapping()[:-1])

    status, said = desk.call("replay", "resume", str(run.pk), **desk.working)

    run.refresh_from_db()
    assert (status, run.state) == (2, "failed")
    assert "SOURCE_CHANGED" in said
    assert desk.call("replay", "resume", str(run.pk), **desk.working)[0] == 2


def test_lines_that_cannot_be_read_end_a_run_before_anything_is_sent(desk):
    status, run = desk.start([*overlapping(), {"record": "event", "kind": "mint"}])

    assert (status, run.state, run.unreadable, run.accepted) == (2, "failed", 1, 0)
    assert run.rejections.get().code == "FIELD_MISSING"
    assert "1 lines cannot be read" in run.problem


def test_an_event_that_is_out_of_order_is_rejected_even_if_nothing_stands_before_it(desk):
    events = Events()
    lines = [*histories.references(), events.mint(5, month=1), events.mint(5, month=1)]
    lines.append(events.mint(5, month=3, occurred_at=lines[-2]["occurred_at"]))

    _, run = desk.start(lines)

    codes = list(run.rejections.order_by("line").values_list("code", flat=True))
    assert codes == ["PRODUCTION_PERIOD_OVERLAP", "REPLAY_OUT_OF_ORDER"]


def test_reports_and_states_are_told_as_text_as_json_and_as_csv(desk):
    _, run = desk.start(overlapping())

    told = json.loads(desk.call("replay", "report", str(run.pk), format="json")[1])
    text = desk.call("replay", "report", str(run.pk))[1]
    rows = desk.call("replay", "report", str(run.pk), format="csv")[1].splitlines()
    status = desk.call("replay", "status")[1]

    assert told["sha256"] == run.sha256
    assert [row["causes"] for row in told["rejections"]] == [1, 1]
    assert run.heads["CDC"]["hash"] in text
    assert len(rows) == 3
    assert "3 of 3, 2 rejected" in status
    assert desk.call("replay", "report", "999")[0] == 2


def test_the_template_is_made_once_and_again_when_it_was_left_half_made(desk):
    name = f"{desk.database.name}_template"
    try:
        assert clones.make_template(desk.admin_dsn, name) is True
        assert clones.make_template(desk.admin_dsn, name) is False
        with bootstrap.connect(desk.admin_dsn, "postgres") as connection:
            connection.execute(
                sql.SQL("COMMENT ON DATABASE {} IS NULL").format(sql.Identifier(name))
            )
        assert clones.make_template(desk.admin_dsn, name) is True
    finally:
        clones.drop(desk.admin_dsn, name)


def closing(desk, *rows):
    """Write closing balances."""
    path = desk.directory / "closing.csv"
    path.write_text("account,commodity,balance\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_the_cutover_refuses_whatever_is_missing_and_ends_as_the_rehearsal_did(desk):
    lines, step = overlapping(), {"source": SOURCE, "freeze_at": FREEZE}
    balances = closing(desk, "P1-T,CDC,11")
    missing = {}
    missing["nothing was rehearsed"] = desk.call("cutover", "run", **step, **desk.working)
    desk.start(lines, balances=balances)
    missing["a rejection"] = desk.call("cutover", "run", **step, **desk.working)
    lines = lines[:-2]
    _, run = desk.start(lines, balances=balances)
    assert (run.differences, run.comparison["differences"][0]["difference"]) == (1, -1)
    missing["a difference"] = desk.call("cutover", "run", **step, **desk.working)
    found = desk.call("replay", "compare", str(run.pk), closing(desk, "P1-T,CDC,10"))
    assert found[0] == 0
    make.registry()
    unsigned = make.variance("mint:1")
    missing["a signature"] = desk.call("cutover", "run", **step, **desk.working)
    type(unsigned).objects.filter(pk=unsigned.pk).update(
        withdrawn_at=timezone.now(), withdrawn_by=unsigned.author, withdrawn_reason="Not so."
    )
    missing["a freeze"] = desk.call("cutover", "run", source=SOURCE, **desk.working)
    other = write(desk.directory / "other.jsonl", [*lines, Events().mint(3, month=5)])
    missing["the source"] = desk.call("cutover", "run", path=other, **step, **desk.working)
    assert {what: status for what, (status, _) in missing.items() if status != 4} == {}
    assert not Request.objects.exists()

    status, said = desk.call("cutover", "run", **step, **desk.working)

    final = ReplayRun.objects.get(purpose="final")
    assert status == 0, said
    assert (final.state, final.heads, final.database) == ("finished", run.heads, desk.database.name)
    assert Request.objects.get().status == "executed"
    assert "ok       window            closed" in said
    assert desk.call("cutover", "check", **step)[0] == 4
