"""The sums that are kept beside the ledger: at which heights, by whom, and held against it."""

from datetime import date

import pytest
from psycopg.errors import InsufficientPrivilege

from ledgerdb import sums
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


def test_a_reconciliation_waits_for_nobody_who_asked_for_one_and_did_not_commit(committed_db):
    make.account(holding=100)
    open_one, other = (committed_db.connect("portal_web") for _ in range(2))
    asked = "SELECT ledger.record_reconciliation(gen_random_uuid(), NULL)"
    open_one.execute(asked)

    other.execute(asked)
    other.commit()
    open_one.rollback()

    assert look.rows("SELECT ok FROM ledger.reconciliations") == [(True,)]
    assert kept() == []
    services.reconcile()
    assert len(kept()) == 1


def test_more_moves_between_regions_than_there_are_numbers_for_are_summed(committed_db):
    most = 10**18 - 1
    north, south, wind = make.region(), make.region(), make.commodity(code="WND", reassignable=True)
    for regions in ((north, south), (south, north)):
        services.allow_region_change(
            commodity=wind,
            from_region=regions[0],
            to_region=regions[1],
            valid_from=date(2020, 1, 1),
        )
    holder = make.account()
    plant = make.facility(holder.organisation, region=north)
    make.mint(holder, most, commodity=wind, facility=plant)
    for step in range(20):
        there = (north, south) if step % 2 == 0 else (south, north)
        make.done(make.region_request(holder, most, *there, commodity=wind))

    services.reconcile()

    mark = {"commodity_id": wind.pk, "height": 21}
    assert [(row["came"], row["went"]) for row in sums.of_regions([mark])] == [(most * 10,) * 2] * 2
    assert look.value("SELECT ledger.prove() ->> 'ok'") == "true"


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
