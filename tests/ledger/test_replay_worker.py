"""The worker of rehearsals: it takes what waits, goes on with what was left, and ends when told."""

import io
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from uuid import uuid4

import pytest

from ledgerdb import clones
from registry import services
from registry.models import ReplayRun
from registry.replay.console import Desk, recorded
from registry.replay.worker import Worker
from registry.selectors import rehearsals
from registry.settings import BASE_DIR
from tests import histories, make
from tests.histories import Events, write
from tests.ledger import look
from tests.ledger.forge import refused
from tests.ledger.wrongs import tamper
from tests.server import TEMPLATE, environment

GIVE_UP = 60


@pytest.fixture
def desk(committed_db):
    """Work on runs, and leave no database behind."""
    admin = committed_db.server.admin_dsn
    yield Desk(admin, committed_db.name, lambda things, what, total: things, TEMPLATE)
    named = ReplayRun.objects.exclude(database__in=("", committed_db.name))
    for name in named.values_list("database", flat=True):
        clones.drop(admin, name)


@pytest.fixture
def asked(tmp_path):
    """Ask for a run over a small history; again, over the same one."""

    def ask() -> ReplayRun:
        path = tmp_path / "history.jsonl"
        if not path.exists():
            events = Events()
            write(path, [*histories.references(), events.mint(5), events.mint(6)])
        return recorded(path, source="old", adapter="jsonl", asked_by=make.operator())

    return ask


def test_what_waits_is_taken_and_what_was_left_behind_is_finished(desk, asked):
    worker = Worker(desk, io.StringIO(), seconds=0)
    first, second = asked(), asked()
    # As a kill leaves it: begun, and nobody there.
    desk.work(first)
    left = asked()
    ReplayRun.objects.filter(pk=left.pk).update(
        state="running", started_at=first.started_at, database=f"{desk.home}_replay_{left.pk}"
    )
    clones.make_clone(desk.admin_dsn, TEMPLATE, f"{desk.home}_replay_{left.pk}")

    taken = [worker.look(), worker.look(), worker.look()]

    assert [run and run.pk for run in taken] == [second.pk, left.pk, None]
    found = ReplayRun.objects.order_by().values_list("state", "rejected", "heads")
    assert list(found) == [("finished", 1, first.heads)] * 3


def test_what_cannot_go_on_and_what_somebody_else_holds_is_not_tried_at_once(desk, asked, tmp_path):
    said = io.StringIO()
    worker = Worker(desk, said, seconds=0)
    broken, held = asked(), asked()
    ReplayRun.objects.filter(pk=broken.pk).update(state="failed")
    with clones.alone_on(desk.admin_dsn, desk.home, held.pk):
        assert worker.look() == held
        assert worker.look() is None
    path = write(tmp_path / "gone.jsonl", [])
    gone = recorded(path, source="old", adapter="jsonl", asked_by=make.operator())
    # One that a command recorded this very moment is that command's own.
    recorded(path, source="old", adapter="jsonl")
    path.unlink()

    assert worker.look() == gone
    assert worker.look() is None

    gone.refresh_from_db()
    held.refresh_from_db()
    assert (gone.state, held.state) == ("failed", "waiting")
    assert "FILE_UNREADABLE" in said.getvalue()


def test_an_error_that_nobody_foresaw_does_not_keep_the_others_waiting(desk, asked):
    said = io.StringIO()
    worker = Worker(desk, said, seconds=0)
    odd, next_one = asked(), asked()

    def work(run):
        return 1 / 0 if run.pk == odd.pk else desk.work(run)

    worker.desk = SimpleNamespace(work=work)

    assert [worker.look(), worker.look()] == [odd, next_one]
    next_one.refresh_from_db()
    assert next_one.state == "finished"
    assert f"Run {odd.pk}: an error that nobody foresaw" in said.getvalue()


def test_a_rehearsal_never_works_on_the_registrys_own_database(committed_db, desk, asked):
    run = asked()
    of_the_pages = committed_db.connect("portal_web", autocommit=True)
    begun = "UPDATE registry_replayrun SET state = 'running', started_at = now(), database = %s"

    with refused("REPLAY_RUN_FROZEN"):
        of_the_pages.execute(begun, [committed_db.name])
    tamper(
        committed_db,
        "public.registry_replayrun",
        f"UPDATE public.registry_replayrun SET state = 'running', started_at = now(),"
        f" database = '{committed_db.name}'",
    )
    Worker(desk, io.StringIO(), seconds=0).look()

    assert look.value("SELECT count(*) FROM ledger.transactions") == 0
    run.refresh_from_db()
    assert (run.state, run.done) == ("failed", 0)


def test_a_run_that_is_asked_for_is_worked_on_by_the_process_until_it_is_told_to_end(
    committed_db, desk, asked
):
    before = desk.work(asked())
    make.registry()
    process = subprocess.Popen(
        [
            *(sys.executable, "manage.py", "replay", "work", "--watch", "0.1", "--quiet"),
            *("--template", TEMPLATE),
        ],
        cwd=BASE_DIR,
        env={**environment(committed_db), "STRATA_ADMIN_DSN": desk.admin_dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert until(rehearsals.has_worker)
        run = services.repeat_run(like=before, asked_by=make.operator(), key=uuid4())
        assert until(lambda: ReplayRun.objects.get(pk=run.pk).state == "finished")
        # It says so when it is done with the run, its window too.
        assert process.stdout.readline() == f"Run {run.pk}: finished, 1 rejected\n"
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=GIVE_UP)

    assert process.returncode == 0, said
    assert said.splitlines() == ["Stopped."]
    assert ReplayRun.objects.get(pk=run.pk).heads == before.heads
    assert until(lambda: not rehearsals.has_worker())


def until(is_so) -> bool:
    """Wait until something is so."""
    give_up = time.monotonic() + GIVE_UP
    while time.monotonic() < give_up:
        if is_so():
            return True
        time.sleep(0.05)
    return False
