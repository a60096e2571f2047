"""The sums that are kept beside the ledger: at which heights, by whom, and held against it."""

import pytest
from psycopg.errors import InsufficientPrivilege

from registry import services
from tests import make
from tests.ledger import look
from tests.ledger.commands import run
from tests.ledger.forge import Forger, refused
from tests.ledger.wrongs import tamper

STOPS = "SELECT commodity_id, height FROM ledger.stops ORDER BY 1, 2"


def kept():
    return look.rows(STOPS)


def test_each_reconciliation_keeps_the_sums_of_what_happened_since_the_last(committed_db):
    source = make.account(holding=100)
    other = make.commodity(code="WND", name="Wind")
    services.reconcile()
    before = kept()

    services.reconcile()
    assert kept() == before
    make.mint(source, 70, commodity=other)
    make.retire(source, 30, commodity=other)
    services.reconcile()

    assert kept() == [*before, (other.pk, 2)]
    found = look.rows(
        "SELECT minted, held, retired FROM ledger.sums"
        f" WHERE commodity_id = {other.pk} AND facility_id IS NOT NULL"
    )
    assert found == [(70, 40, 30)]


def test_sums_are_kept_as_often_as_many_blocks_were_made(committed_db):
    source, target = make.account(), make.account()
    wind = make.commodity(code="WND", name="Wind")
    make.mint(source, 3000, commodity=wind)
    odd = tuple((number, number) for number in range(1, 1200, 2))
    make.transfer(source, target, None, commodity=wind, ranges=odd)
    make.transfer(source, target, 1, commodity=wind)
    make.transfer(source, target, 1, commodity=wind)

    services.reconcile()

    assert kept() == [(wind.pk, 1), (wind.pk, 4)]


def test_a_wrong_sum_is_found_and_kept_anew_from_the_history(committed_db):
    source = make.account(holding=100)
    make.retire(source, 40)
    services.reconcile()

    tamper(committed_db, "sums", "UPDATE ledger.sums SET held = held + 1 WHERE asset_id IS NULL"
                                 " AND region_id IS NULL")  # fmt: skip
    wrong = look.value("SELECT ledger.prove() ->> 'sums_drift'")
    printed = run("rebuild_derived", "--yes")

    assert wrong == "1"
    assert look.value("SELECT ledger.prove() ->> 'ok'") == "true"
    assert "sums                         1             0" in printed


def test_no_login_writes_sums_itself(committed_db):
    for login in ("portal_web", "ledger_auditor", "ledger_service"):
        connection = committed_db.connect(login, autocommit=True)
        for statement in (
            "SELECT ledger.sum_up()",
            "SELECT ledger.keep_sums(1, 0)",
            "SELECT ledger.rebuild_sums()",
            "INSERT INTO ledger.stops VALUES (1, 1)",
            "DELETE FROM ledger.sums",
        ):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)


def test_a_thing_has_one_sum_at_a_height(committed_db):
    make.account(holding=100)
    services.reconcile()
    forger = Forger(committed_db, "postgres")

    for thing, column in (
        ("batch", "asset_id"), ("facility", "facility_id"), ("region", "region_id"),
    ):  # fmt: skip
        with refused(f"sums_{thing}_uq"):
            forger.run(
                f"INSERT INTO ledger.sums SELECT * FROM ledger.sums WHERE {column} IS NOT NULL"
            )
        forger.connection.rollback()
