"""The way back from a cutover, rehearsed: what it means at each step of docs/cutover.md."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ledgerdb import bootstrap, clones, reads
from ledgerdb.errors import LedgerError
from registry import services
from registry.models import Account, Commodity, ReplayRun, ReplayVariance
from registry.replay.console import Desk, recorded
from registry.replay.engine import Replay
from registry.selectors import checklist, cutover, rejections
from tests import histories, make
from tests.histories import Events, write
from tests.ledger import look
from tests.server import TEMPLATE, Database, Server

SOURCE = "old-book"
FREEZE = "2026-01-05T00:00:00Z"


class House:
    """A registry before its cutover, its backup, and the command."""

    def __init__(self, database: Database, directory: Path) -> None:
        """Take the registry's database."""
        self.database = database
        self.server: Server = database.server
        self.backup = f"{database.name}_backup"
        self.directory = directory
        self.operator = make.operator()
        self.approver = make.approver()

    def rehearse(self) -> ReplayRun:
        """Rehearse what lies in the directory, on a clean database."""
        run = recorded(
            self.directory / "history.jsonl",
            balances=self.directory / "balances.csv",
            source=SOURCE,
            adapter="jsonl",
        )
        return self.desk().work(run)

    def desk(self) -> Desk:
        """Return where runs are worked on."""
        admin, name = self.server.admin_dsn, self.database.name
        return Desk(admin, name, lambda things, what, total: things, TEMPLATE)

    def decide(self, run: ReplayRun) -> None:
        """Leave out everything that a run rejected; a second person signs."""
        for item in rejections.judged(run):
            decided = services.decide_event(
                rejection=item,
                author=self.operator,
                outcome="variance",
                action="skip",
                reason="Entered twice.",
            )
            services.sign_variance(variance_id=decided.pk, signer=self.approver)

    def cut_over(self) -> str:
        """Run the command, and return what it says."""
        said = io.StringIO()
        options = {"admin_dsn": self.server.admin_dsn, "template": TEMPLATE, "quiet": True}
        call_command(
            "cutover", "run", source=SOURCE, freeze_at=FREEZE, stdout=said, stderr=said, **options
        )
        return said.getvalue()

    def back_up(self) -> None:
        """Keep the registry as it is now, as the runbook says right before the window."""
        self._copy(self.database.name, self.backup)

    def restore(self) -> None:
        """Go back to what was kept."""
        self._copy(self.backup, self.database.name)

    def _copy(self, source: str, target: str) -> None:
        self.database.sign_everybody_out()
        clones.make_clone(self.server.admin_dsn, source, target)


@pytest.fixture
def house(committed_db: Database, tmp_path: Path) -> House:
    """A registry whose migration was rehearsed until nothing was rejected."""
    make_ = Events()
    first = make_.mint(100, source_serial="A")
    twice = make_.mint(100, source_serial="B")
    used = make_.retire(1, ranges=[{"source_serial": "A", "first": 1, "last": 30}])
    write(tmp_path / "history.jsonl", [*histories.references(), first, twice, used])
    balances = "account,commodity,balance\nP1-T,CDC,70\nP1-R,CDC,30\n"
    (tmp_path / "balances.csv").write_text(balances)
    house = House(committed_db, tmp_path)
    house.decide(house.rehearse())
    assert house.rehearse().rejected == 0
    yield house
    clones.drop(house.server.admin_dsn, house.backup)
    for run in ReplayRun.objects.filter(purpose="rehearsal"):
        clones.drop(house.server.admin_dsn, run.database)


def head() -> tuple[int, str]:
    """Return height and hash at the top of the migrated chain."""
    commodity = Commodity.objects.filter(code="CDC").first()
    height, top = reads.chain_heads()[commodity.pk] if commodity else (0, b"")
    return height, top.hex()


def test_before_the_window_there_is_nothing_to_take_back(house: House):
    house.decide(house.rehearse())
    services.decide_event(
        rejection=rejections.judged(ReplayRun.objects.earliest("id")).get(),
        author=house.operator,
        outcome="fix_at_source",
        content={"expected": "one batch"},
        reason="On second thoughts.",
    )

    with pytest.raises(CommandError):
        house.cut_over()

    # Refused for the one signature that is missing: not even a reference record came.
    assert not ReplayRun.objects.filter(purpose="final").exists()
    assert head() == (0, "")
    assert not Account.objects.filter(code="P1-T").exists()


def test_a_final_run_that_died_goes_on_or_goes_back(house: House, monkeypatch):
    house.back_up()
    die_after(monkeypatch, 1)
    with pytest.raises(RuntimeError):
        house.cut_over()
    monkeypatch.undo()
    assert ReplayRun.objects.get(purpose="final").state in ("running", "stopped")

    house.restore()
    assert head() == (0, "")
    assert not ReplayRun.objects.filter(purpose="final").exists()

    die_after(monkeypatch, 1)
    with pytest.raises(RuntimeError):
        house.cut_over()
    monkeypatch.undo()
    house.cut_over()
    assert all(check.ok for check in cutover.after(SOURCE))


def test_a_killed_final_run_says_that_its_window_is_open_until_it_goes_on(
    house: House, monkeypatch
):
    die_after(monkeypatch, 1)
    # Nothing of a killed process closes anything.
    monkeypatch.setattr(bootstrap, "close_change_window", lambda *where, purpose: 0)
    with pytest.raises(RuntimeError):
        house.cut_over()
    monkeypatch.undo()
    final = ReplayRun.objects.get(purpose="final")

    found = {each.key: each for each in cutover.before(SOURCE, freeze_at=final.freeze_at)}
    page = {point.name: point for point in checklist.of(house.approver, SOURCE).before}
    window = bootstrap.change_windows(house.server.admin_dsn, house.database.name)[0]

    assert (found["window"].ok, found["first_final"].ok) == (False, False)
    assert f"open for replay run {final.pk}, until " in found["window"].found
    assert f"run {final.pk} is running at 0 of 3 events" in found["first_final"].found
    assert "cutover run goes on with it" in found["first_final"].found
    assert (page["window"].done, page["first_final"].place) == (False, ("replay-run", final.pk))
    assert not {each.key: each for each in cutover.after(SOURCE)}["window"].ok
    assert window["closes_at"] - datetime.now(UTC) < timedelta(minutes=16)
    house.cut_over()
    assert all(check.ok for check in cutover.after(SOURCE))


def test_a_window_that_somebody_else_opened_stands_in_the_way(house: House):
    histories.open_window(house.database)

    with pytest.raises(CommandError):
        house.cut_over()

    assert not ReplayRun.objects.filter(purpose="final").exists()
    bootstrap.close_change_window(house.server.admin_dsn, house.database.name, purpose="replay")
    house.cut_over()


def test_before_people_are_let_in_the_backup_brings_the_registry_back(house: House):
    house.back_up()
    house.cut_over()
    first = head()
    assert first[0] == 2

    house.restore()

    assert head() == (0, "")
    assert not Account.objects.filter(code="P1-T").exists()
    # What people decided was there before, and is there still.
    assert ReplayVariance.objects.filter(signed_at__isnull=False).count() == 1
    assert cutover.final_run(SOURCE) is None
    # And the second time ends at the same hash as the first, which is that of the rehearsal.
    house.cut_over()
    assert head() == first
    assert all(check.ok for check in cutover.after(SOURCE))


def test_after_people_were_let_in_there_is_no_way_back_but_forward(house: House):
    house.cut_over()
    account = Account.objects.get(code="P1-T")
    request = make.transfer(
        account, Account.objects.get(code="P2-T"), 10, commodity=Commodity.objects.get(code="CDC")
    )

    for statement in (
        "DELETE FROM ledger.transactions",
        "TRUNCATE ledger.chain",
        "DELETE FROM registry_replayrun",
    ):
        assert refused(lambda text=statement: house.database.connect().execute(text))
    # The command run again finds that it is done.
    house.cut_over()
    # The trade stands; what was wrong is put right by a transaction of its own.
    assert (request.status, head()[0]) == ("executed", 3)
    assert look.value("SELECT count(*) FROM ledger.transactions") == 3
    assert reads.reconcile()["ok"]


def refused(act: Callable[[], object]) -> bool:
    """Say whether even the superuser was refused."""
    try:
        act()
    except Exception as error:
        return isinstance(error, LedgerError) or "APPEND_ONLY" in str(error)
    return False


def die_after(monkeypatch, events: int) -> None:
    """Let the process die after a few events of the next run."""
    outcomes = Replay.outcomes

    def some(self):
        for number, outcome in enumerate(outcomes(self)):
            if number == events:
                raise RuntimeError("the machine went dark")
            yield outcome

    monkeypatch.setattr(Replay, "outcomes", some)
