"""A replay that is stopped anywhere ends where one ends that never stopped."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from ledgerdb import bootstrap, reads
from ledgerdb.errors import InvariantBroken, Refused
from registry import services
from registry.models import Commodity, Request
from registry.replay.engine import Replay
from registry.services import replay as replaying
from registry.settings import BASE_DIR
from tests import histories
from tests.histories import Events, play, write
from tests.ledger import look
from tests.server import Database, Server, clone, django_uses, environment


def head() -> tuple[int, bytes]:
    """Return height and hash at the top of the history's chain."""
    return reads.chain_heads()[Commodity.objects.get(code="CDC").pk]


@pytest.fixture
def file(committed_db, tmp_path):
    """Open a window, and name the file of the test."""
    histories.open_window(committed_db)
    return tmp_path / "history.jsonl"


@pytest.fixture
def uninterrupted(server: Server, django_db_blocker, tmp_path):
    """Run a file to its end in a database of its own."""

    def run(lines: list[dict]) -> tuple[histories.Played, tuple[int, bytes]]:
        with (
            django_db_blocker.unblock(),
            clone(server) as database,
            django_uses(server, database.name),
        ):
            histories.open_window(database)
            return play(write(tmp_path / "uninterrupted.jsonl", lines)), head()

    return run


def refuse_together(*args, **options):
    """Let events be executed one by one."""
    raise Refused("LOCK_NOT_AVAILABLE")


class CrashError(BaseException):
    """The process is gone."""


def crash_sometimes(monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Let every step of an event end the process now and then, before it or right after it."""
    steps = ("draft_request", "submit_request", "record_approval", "fail_request", "finish_event")
    for name in (*steps, "record_event", "record_events", "execute_event"):
        monkeypatch.setattr(replaying, name, _dangerous(getattr(replaying, name), chance))
    for name in ("execute", "execute_all"):
        act = getattr(replaying.calls, name)
        monkeypatch.setattr(replaying.calls, name, _dangerous(act, chance))


def _dangerous(step, chance: random.Random):
    def act(*args, **options):
        if chance.random() < 0.02:
            raise CrashError
        result = step(*args, **options)
        if chance.random() < 0.02:
            raise CrashError
        return result

    return act


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_run_that_crashes_again_and_again_ends_as_one_that_never_did(
    uninterrupted, request, monkeypatch, seed
):
    lines = histories.random_history(seed)
    whole, whole_head = uninterrupted(lines)
    file = request.getfixturevalue("file")
    write(file, lines)
    crash_sometimes(monkeypatch, random.Random(seed))

    crashes = 0
    while True:
        try:
            played = play(file)
            break
        except CrashError:
            crashes += 1

    assert crashes > 3
    assert played.verdicts == whole.verdicts
    assert head() == whole_head
    assert reads.reconcile()["ok"]
    assert Request.objects.count() == 60


@pytest.mark.parametrize("state", ["draft", "submitted", "approved"])
def test_an_event_left_half_way_is_finished(file, state):
    mint = Events().mint(10)
    replay = Replay(write(file, [*histories.references(), mint]), allow_overlap=False, report=print)
    for step in (replay.check(), replay.refer(keep_going=False)):
        assert len(list(step)) > 20
    record = list(replay.history.records())[-1]
    case, key = replay.triage.case_of(record), replay.triage.key_of(record)
    left = services.draft_request(
        kind="mint",
        submitter=case.submitter,
        commodity=case.commodity,
        idempotency_key=key,
        **case.asks,
    )
    if state != "draft":
        services.submit_request(request_id=left.id, submitter=case.submitter)
    if state == "approved":
        replaying.record_approval(request_id=left.id, approver=case.approver)

    played = play(file)

    assert played.codes == {"mint:1": ""}
    assert Request.objects.get().id == left.id
    assert look.value("SELECT count(*) FROM ledger.transactions") == 1


def start(file: Path, database: Database) -> subprocess.Popen:
    """Start a replay in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "replay", str(file), "--quiet"],
        cwd=BASE_DIR,
        env=environment(database),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_killed_process_is_continued_by_the_next(uninterrupted, request, committed_db):
    lines = histories.random_history(21, events=150)
    whole, whole_head = uninterrupted(lines)
    chance = random.Random(21)
    with django_uses(committed_db.server, committed_db.name):
        file = write(request.getfixturevalue("file"), lines)
        for reached in sorted(chance.sample(range(1, 140), 5)):
            process = start(file, committed_db)
            while process.poll() is None and Request.objects.count() < reached:
                time.sleep(0.002)
            time.sleep(chance.random() / 100)
            process.send_signal(signal.SIGKILL)
            process.communicate()

        last = start(file, committed_db)
        output, _ = last.communicate(timeout=120)

        assert last.returncode == whole.status == 1
        assert "Reconciliation clean" in output
        assert head() == whole_head
        assert play(file).verdicts == whole.verdicts
        assert Request.objects.count() == 150


def test_nothing_is_written_while_no_window_is_open(committed_db, tmp_path):
    played = play(write(tmp_path / "history.jsonl", histories.random_history(1, events=3)))

    assert played.status == 3
    assert "change_window open --purpose replay" in played.text
    assert not Commodity.objects.exists()


def test_a_window_that_closes_on_the_way_stops_the_replay_and_fails_nothing(
    file, committed_db, monkeypatch
):
    make = Events()
    mints = [make.mint(5, month=month) for month in range(1, 7)]
    write(file, [*histories.references(), *mints])
    execute, done = replaying.calls.execute, []

    def close_after_three(*args, **options):
        done.append(args)
        if len(done) == 4:
            where = (committed_db.server.admin_dsn, committed_db.name)
            bootstrap.close_change_window(*where, purpose="replay")
        return execute(*args, **options)

    monkeypatch.setattr(replaying.calls, "execute_all", refuse_together)
    monkeypatch.setattr(replaying.calls, "execute", close_after_three)

    stopped = play(file)
    histories.open_window(committed_db)
    continued = play(file)

    assert stopped.status == 3
    assert "Stopped: BACKDATING_FORBIDDEN: the replay window has closed" in stopped.text
    assert (continued.status, len(continued.outcomes)) == (0, 6)
    assert "6 of 6 events  (3 new)" in continued.text


def test_a_process_without_the_login_of_the_replay_says_so(file, monkeypatch):
    monkeypatch.delitem(settings.DATABASES, "replay")

    played = play(write(file, histories.references()))

    assert played.status == 3
    assert "STRATA_REPLAY_LOGIN=1" in played.text


def test_a_lock_is_waited_for(file, monkeypatch):
    execute, refusals = replaying.calls.execute, [1, 2]
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def busy_at_first(*args, **options):
        if refusals:
            refusals.pop()
            raise Refused("LOCK_NOT_AVAILABLE")
        return execute(*args, **options)

    monkeypatch.setattr(replaying.calls, "execute_all", refuse_together)
    monkeypatch.setattr(replaying.calls, "execute", busy_at_first)

    played = play(write(file, [*histories.references(), Events().mint(5)]))

    assert played.status == 0


@pytest.mark.parametrize(
    "error", [Refused("LOCK_NOT_AVAILABLE"), InvariantBroken("POSTING_IMBALANCE")]
)
def test_what_is_not_the_events_fault_stops_the_replay_and_fails_nothing(file, monkeypatch, error):
    def stop(*args, **options):
        raise error

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(replaying.calls, "execute_all", refuse_together)
    monkeypatch.setattr(replaying.calls, "execute", stop)

    played = play(write(file, [*histories.references(), Events().mint(5)]))
    monkeypatch.undo()

    assert played.status == 3
    assert f"Stopped: {error.code}" in played.text
    assert Request.objects.get().status == "approved"
    assert play(file).status == 0
