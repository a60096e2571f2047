"""The demonstration: a small one is told, filled in, and holds together."""

import io
import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker
from rich.console import Console

from ledgerdb import bootstrap, reads
from registry.demo import cast, environment, house
from registry.demo.fill import fill
from registry.demo.plot import Size
from registry.demo.story import tell
from registry.demo.welcome import greet
from registry.models import Request, User
from tests.ledger import look
from tests.server import Database, Server, clone, django_uses

SMALL = Size(months=21, plants=5, deals=0.3)


@pytest.fixture(scope="module")
def filled(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """Fill one database with a small demonstration, for all tests that only look at it."""
    with (
        clone(server) as database,
        django_uses(server, database.name),
        django_db_blocker.unblock(),
    ):
        bootstrap.open_change_window(database.dsn(), database.name, reason="test", purpose="replay")
        fill(datetime.now(UTC), SMALL)
        yield database


def test_a_small_registry_is_filled_and_reconciles(filled: Database):
    statuses = Counter(Request.objects.values_list("status", flat=True))

    assert reads.reconcile()["ok"]
    assert reads.derived_drift()["ok"]
    assert statuses["executed"] > 80
    assert statuses["approved"] == 0
    assert statuses["submitted"] >= 7


def test_every_chain_of_the_filled_registry_verifies(filled: Database):
    commodities = [row["commodity_id"] for row in reads.rows("SELECT * FROM ledger.heads")]

    assert [reads.verify_chain(commodity) for commodity in commodities] == [None] * 3


def test_the_transactions_have_the_dates_of_the_story(filled: Database):
    first, last = look.rows("SELECT min(occurred_at), max(occurred_at) FROM ledger.transactions")[0]

    assert datetime.now(UTC) - first > timedelta(days=19 * 30)
    assert datetime.now(UTC) - last < timedelta(days=15)


def test_something_really_expired(filled: Database):
    expired = look.value(
        "SELECT sum(b.balance) FROM ledger.account_balances b"
        " JOIN registry_account a ON a.id = b.account_id WHERE a.type = 'expiry'"
    )

    assert expired > 0
    assert Request.objects.filter(kind="expire", status="executed").count() == 1


def test_filling_again_adds_nothing(filled: Database):
    before = (look.everything(), Request.objects.count(), User.objects.count())

    added = fill(datetime.now(UTC), SMALL)

    assert added == 0
    assert (look.everything(), Request.objects.count(), User.objects.count()) == before


def test_what_waits_is_old_and_new_and_one_is_an_approvers_own(filled: Database):
    waiting = Request.objects.filter(status="submitted").order_by("submitted_at")
    now = datetime.now(UTC)

    assert now - waiting.first().submitted_at > timedelta(days=20)
    assert now - waiting.last().submitted_at < timedelta(hours=1)
    assert waiting.filter(submitter__role="approver").count() == 1


def test_requests_are_numbered_in_the_order_in_which_they_were_asked(filled: Database):
    asked = list(Request.objects.order_by("number").values_list("created_at", flat=True))

    assert asked == sorted(asked)


def test_everybody_can_sign_in_with_the_printed_password(filled: Database):
    people = list(User.objects.all())

    assert len(people) == sum(len(org.people) for org in cast.ORGANISATIONS)
    assert all(person.check_password(cast.PASSWORD) for person in people)
    assert {person.role for person in people} == set(User.Role.values)


def test_the_story_is_the_same_whenever_it_is_told():
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    assert tell(now, Size()) == tell(now, Size())


@pytest.mark.parametrize(
    "day", ["2026-01-01", "2026-02-28", "2026-05-31", "2027-12-31", "2028-02-29", "2028-03-01"]
)
def test_the_story_holds_on_any_day(day: str):
    now = datetime.fromisoformat(f"{day}T00:30:00+00:00")

    events = tell(now, Size())

    outcomes = Counter((event.kind, event.outcome) for event in events)
    assert outcomes["mint", "executed"] > 400
    assert outcomes["transfer", "executed"] > 300
    assert outcomes["retire", "executed"] > 100
    assert outcomes["reassign_region", "executed"] > 15
    assert outcomes["expire", "executed"] == 1
    assert sum(number for (_, status), number in outcomes.items() if status == "submitted") >= 7
    assert {status for _, status in outcomes} == {*Request.Status.values} - {"approved"}
    assert all(event.asked_at <= event.at < now for event in events)


def test_nobody_in_the_cast_can_be_reached():
    addresses = [person.email for org in cast.ORGANISATIONS for person in org.people]

    assert all(address.endswith(".example") for address in addresses)
    assert len(addresses) == len(set(addresses))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the demonstration keep its files in a directory of the test's."""
    for module in (house, environment):
        monkeypatch.setattr(module, "DATA", tmp_path / "demo-postgres")
        monkeypatch.setattr(module, "STATE", tmp_path / "demo.json")
        monkeypatch.setattr(module, "LOCK", tmp_path / "demo.lock")
        monkeypatch.setattr(module, "LOCAL", tmp_path)
    return tmp_path


def test_a_second_demo_is_told_about_the_first(elsewhere: Path):
    with (
        house.alone("http://127.0.0.1:8000"),
        pytest.raises(house.CannotServeError, match=r"running already: process \d+, http://127.0"),
        house.alone("http://127.0.0.1:8001"),
    ):
        pass


def test_the_first_demo_may_be_started_again(elsewhere: Path):
    for port in (8000, 8001):
        with house.alone(f"http://127.0.0.1:{port}"):
            assert (elsewhere / "demo.lock").read_text().endswith(str(port))


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind((house.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(house.CannotServeError, match=f"Port {port} cannot be used"):
            house.check_port(port)


def test_a_complete_registry_is_kept_and_any_other_is_made_again(elsewhere: Path):
    missing = house.why_make(fresh=False)
    (elsewhere / "demo-postgres").mkdir()
    interrupted = house.why_make(fresh=False)
    environment.write_state({"edition": "another", "secret": "s"})
    of_another_version = house.why_make(fresh=False)
    environment.write_state({"edition": house.current_edition(), "secret": "s"})

    assert missing == "There is no registry yet."
    assert interrupted == "An earlier start was interrupted: starting over."
    assert "another version" in of_another_version
    assert house.why_make(fresh=False) == ""
    assert house.why_make(fresh=True).startswith("A fresh registry is asked for")


def test_a_registry_behind_a_link_is_thrown_away_with_what_it_links_to(elsewhere: Path):
    real = elsewhere / "real"
    real.mkdir()
    (elsewhere / "demo-postgres").symlink_to(real)
    environment.write_state({"edition": "any"})

    house.throw_away()

    assert list(elsewhere.iterdir()) == []


def test_the_secret_of_the_sessions_is_kept_and_nobody_else_may_read_it(elsewhere: Path):
    environment.write_state({"edition": "any", "secret": "kept"})

    assert environment.read_state()["secret"] == "kept"
    assert (elsewhere / "demo.json").stat().st_mode & 0o077 == 0


def test_the_address_is_a_name_for_which_a_browser_makes_passkeys():
    assert house.address_at(8000) == "http://localhost:8000"


def test_the_table_of_accounts_fits_a_terminal():
    console = Console(width=80, file=io.StringIO())

    greet(console, "http://127.0.0.1:8000")

    printed = console.file.getvalue()
    assert "…" not in printed
    for organisation in cast.ORGANISATIONS:
        assert organisation.name in printed
        assert all(person.email in printed for person in organisation.people)
