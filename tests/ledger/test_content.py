"""What a stretch of links says, all at once, is what each link says by itself, byte for byte."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import make
from tests.audit import played
from tests.ledger import look

CLAIM = {"beneficiary": "Ville d'Évry €", "beneficiary_country": "FR", "reason": "x" * 400}


def one_by_one(commodity: int) -> list[tuple]:
    return look.rows(
        "SELECT c.height, ledger.transaction_content(t), ledger.is_linked(t)"
        " FROM ledger.chain c JOIN ledger.transactions t ON t.id = c.transaction_id"
        " WHERE c.commodity_id = %s ORDER BY c.height",
        commodity,
    )


def at_once(commodity: int, first: int, last: int) -> list[tuple]:
    return look.rows(
        "SELECT height, content, linked FROM ledger.content_of(%s, %s, %s) ORDER BY height",
        commodity,
        first,
        last,
    )


@pytest.mark.parametrize("seed", [51, 52])
def test_every_stretch_of_a_random_history_says_the_same(committed_db, seed):
    history = played.play(seed, steps=30)
    commodity = history.commodity.pk
    expected = one_by_one(commodity)
    top = len(expected)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, top + 2), st.integers(0, top + 2))
    def check(first, last):
        assert at_once(commodity, first, last) == [
            row for row in expected if first <= row[0] <= last
        ]

    check()
    assert {step.kind for step in history.steps} >= {"mint", "transfer", "retire"}


def test_expiries_claims_and_migrated_serials_say_the_same(committed_db):
    commodity = make.commodity(months_transferable=1, months_to_expiry=1)
    holder = make.account()
    make.mint(holder, 5, commodity=commodity, source_serial="ÄÖ-1")
    make.mint(holder, 7, commodity=commodity)
    make.done(make.expire_request(commodity))
    lasting = make.commodity()
    make.mint(holder, 9, commodity=lasting)
    make.retire(holder, 4, commodity=lasting, **CLAIM)

    for each in (commodity, lasting):
        assert at_once(each.pk, 1, 99) == one_by_one(each.pk)
        assert look.bad_height(each.pk) is None


@pytest.mark.parametrize("missing", [(2, 3), (4, 5), (1, 1), (5, 5)])
def test_missing_links_are_found_at_the_first_also_in_small_stretches(committed_db, missing):
    source, target = make.account(), make.account()
    make.mint(source, 100)
    for _ in range(4):
        make.transfer(source, target, 1)
    with committed_db.connect(autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.chain DISABLE TRIGGER USER")
        connection.execute("DELETE FROM ledger.chain WHERE height BETWEEN %s AND %s", missing)
        # A stretch of two links, so that several of them are crossed.
        definition = connection.execute(
            "SELECT pg_get_functiondef('ledger.verify_chain'::regproc)"
        ).fetchone()[0]
        assert "bigint := 20000" in definition
        connection.execute(definition.replace("bigint := 20000", "bigint := 2"))

    assert look.bad_height(make.default_commodity().pk) == missing[0]
