"""A replay whose server and whose command are killed again and again ends as one never killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from ledgerdb import clones
from registry.models import ReplayRun
from registry.replay.console import Desk, recorded
from registry.settings import BASE_DIR
from tests import histories
from tests.crash.conftest import Mortal
from tests.histories import write
from tests.server import TEMPLATE, environment

pytestmark = pytest.mark.crash

KILLS = int(os.environ.get("LEDGER_TEST_KILLS", "5"))
SEED = int(os.environ.get("LEDGER_TEST_SEED", "20261120"))
EVENTS = 150
GIVE_UP = 60


class House:
    """A server that may be killed, and the runs of a replay on it."""

    def __init__(self, mortal: Mortal, directory: Path) -> None:
        """Write a history, and make the template that every run is a copy of."""
        self.mortal = mortal
        self.path = directory / "history.jsonl"
        write(self.path, histories.random_history(SEED, events=EVENTS))
        self.admin_dsn = mortal.process.dsn()
        self.empty = f"{TEMPLATE}_empty"
        clones.make_clone(self.admin_dsn, TEMPLATE, self.empty)

    def record(self) -> ReplayRun:
        """Record a run over the history."""
        return recorded(self.path, source="old", adapter="jsonl")

    def work(self, run: ReplayRun) -> ReplayRun:
        """Work on a run in this process, to its end."""
        name = self.mortal.database.name
        return Desk(self.admin_dsn, name, lambda things, *_: things, self.empty).work(run)

    def start(self, run: ReplayRun) -> subprocess.Popen[bytes]:
        """Work on a run in a process of its own."""
        resume = ("replay", "resume", str(run.pk), "--quiet", "--template", self.empty)
        return subprocess.Popen(
            [sys.executable, "manage.py", *resume],
            cwd=BASE_DIR,
            env={**environment(self.mortal.database), "STRATA_ADMIN_DSN": self.admin_dsn},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def executed(self, run: ReplayRun) -> int:
        """Return how many transactions the ledger of a run holds."""
        name = f"{self.mortal.database.name}_replay_{run.pk}"
        try:
            with psycopg.connect(self.admin_dsn, dbname=name) as connection:
                found = connection.execute("SELECT count(*) FROM ledger.transactions").fetchone()
        except psycopg.Error:
            return 0
        return int(found[0]) if found else 0

    def strike(self, process: subprocess.Popen[bytes], number: int) -> None:
        """Kill the server, the command, or both: in turn."""
        if number % 3 != 0:
            process.send_signal(signal.SIGKILL)
        if number % 3 != 1:
            self.mortal.kill()
        process.wait(GIVE_UP)


def test_a_replay_under_kills_of_everything_ends_in_the_same_hash_and_nothing_is_there_twice(
    quick_mortal, tmp_path
):
    house, chance = House(quick_mortal, tmp_path), random.Random(SEED)
    whole = house.work(house.record())
    run = house.record()
    reached = []
    for number in range(KILLS - 2):
        wanted = house.executed(run) + chance.randint(1, whole.accepted // KILLS)
        process = house.start(run)
        give_up = time.monotonic() + GIVE_UP
        while process.poll() is None and house.executed(run) < wanted:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        # What a kill left is gone on with at once, not at the second try.
        assert process.poll() in (None, 0, 1)
        house.strike(process, number)
        reached.append(house.executed(run))
    # Those that the killed server left.
    connections.close_all()
    run.refresh_from_db()
    assert run.state in ("running", "stopped")
    assert reached[-1] < whole.accepted

    run = house.work(run)

    print(f"killed at {reached} of {whole.accepted} transactions")
    assert (run.state, run.heads, run.counts) == ("finished", whole.heads, whole.counts)
    assert (run.accepted, run.rejected, run.reconciled) == (whole.accepted, whole.rejected, True)
    rejected = [each.rejections.values_list("event_id", "code") for each in (whole, run)]
    assert set(rejected[0]) == set(rejected[1])
    assert len(rejected[0]) == len(rejected[1]) == whole.rejected
    assert house.executed(run) == whole.accepted
    with psycopg.connect(house.admin_dsn, dbname=run.database) as ledger:
        twice = ledger.execute(
            "SELECT source_event, count(*) FROM registry_request GROUP BY 1 HAVING count(*) > 1"
        ).fetchall()
        asked = ledger.execute("SELECT count(*) FROM registry_request").fetchone()
    assert (twice, asked) == ([], (EVENTS,))
