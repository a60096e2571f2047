"""What auditors and pages ask: holdings then and now, balances, custody, lineage, conservation."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ledgerdb import reads
from registry import services
from registry.models import Account, Request
from tests import make
from tests.ledger import look, past

TICK = timedelta(microseconds=1)
NOW = datetime(2999, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)


def when(request: Request) -> datetime:
    return look.header(request)["occurred_at"]


def spans(rows: list[dict]) -> list[tuple[int, int]]:
    return [(row["first_no"], row["last_no"]) for row in rows]


def a_history() -> tuple[Account, Account, Account, list[Request]]:
    """Issue 100, move 30, retire 10 of them, move 20 more; return accounts and requests."""
    source, target = make.account(), make.account()
    terminal = make.retirement_account(target)
    done = [
        make.mint(source, 100),
        make.transfer(source, target, 30),
        make.retire(target, 10, target=terminal),
        make.transfer(source, target, 20),
    ]
    return source, target, terminal, done


# -- Holdings as of


def test_holdings_now_are_the_unspent_blocks(committed_db):
    source, target, terminal, _ = a_history()

    for account in (source, target, terminal):
        assert spans(reads.holdings_as_of(account.pk, NOW)) == look.held(account)


def test_holdings_at_every_step_are_what_they_were_then(committed_db):
    source, target, terminal, done = a_history()

    steps = [
        [spans(reads.holdings_as_of(account.pk, when(request))) for request in done]
        for account in (source, target, terminal)
    ]

    assert steps == [
        [[(1, 100)], [(31, 100)], [(31, 100)], [(51, 100)]],
        [[], [(1, 30)], [(11, 30)], [(11, 30), (31, 50)]],
        [[], [], [(1, 10)], [(1, 10)]],
    ]


def test_the_instant_of_a_transaction_already_counts_and_the_one_before_does_not(committed_db):
    source, _, _, done = a_history()

    before = reads.holdings_as_of(source.pk, when(done[1]) - TICK)
    at = reads.holdings_as_of(source.pk, when(done[1]))

    assert (spans(before), spans(at)) == ([(1, 100)], [(31, 100)])


def test_before_the_first_transaction_nothing_was_held(committed_db):
    source, _, _, done = a_history()

    assert reads.holdings_as_of(source.pk, LONG_AGO) == []
    assert reads.holdings_as_of(source.pk, when(done[0]) - TICK) == []


def test_a_held_block_says_where_it_came_from_and_since_when(committed_db):
    _, target, _, done = a_history()

    block = reads.holdings_as_of(target.pk, NOW)[-1]

    assert block["transaction_id"] == done[3].transaction_id
    assert block["acquired_at"] == when(done[3])
    assert block["volume"] == 20
    assert block["commodity_id"] == make.default_commodity().pk
    assert block["region_id"] == look.batch(done[0])["region_id"]


def test_an_account_that_never_held_anything_has_no_holdings(committed_db):
    assert reads.holdings_as_of(make.account().pk, NOW) == []


def test_holdings_list_every_commodity(committed_db):
    sun, wind, target = make.commodity(), make.commodity(), make.account()
    make.mint(target, 5, commodity=wind)
    make.mint(target, 7, commodity=sun)

    found = reads.holdings_as_of(target.pk, NOW)

    assert [(row["commodity_id"], row["volume"]) for row in found] == [(sun.pk, 7), (wind.pk, 5)]


def test_events_of_one_instant_count_together(committed_db):
    past.allow(committed_db)
    source, target, instant = make.account(), make.account(), past.at("2026-03-01")
    past.done(make.mint_request(source, 10, occurred_at=instant))
    past.done(make.transfer_request(source, target, 4, occurred_at=instant))

    assert spans(reads.holdings_as_of(source.pk, instant)) == [(5, 10)]
    assert spans(reads.holdings_as_of(source.pk, instant - TICK)) == []


def test_the_past_stays_the_same_whatever_happens_later(committed_db):
    source, target, _, done = a_history()
    then = when(done[1])
    before = reads.holdings_as_of(source.pk, then), reads.holdings_as_of(target.pk, then)

    make.transfer(target, source, 25)
    make.retire(source, 60)

    after = reads.holdings_as_of(source.pk, then), reads.holdings_as_of(target.pk, then)
    assert after == before


# -- Balance history


def test_a_balance_history_has_one_step_per_transaction(committed_db):
    source, target, _, done = a_history()
    commodity = make.default_commodity().pk

    history = {
        account: [
            (row["transaction_id"], row["moved"], row["balance"])
            for row in reads.balance_history(account.pk, commodity)
        ]
        for account in (source, target)
    }

    ids = [request.transaction_id for request in done]
    assert history[source] == [(ids[0], 100, 100), (ids[1], -30, 70), (ids[3], -20, 50)]
    assert history[target] == [(ids[1], 30, 30), (ids[2], -10, 20), (ids[3], 20, 40)]


def test_a_balance_history_ends_with_the_stored_balance(committed_db):
    source, target, terminal, _ = a_history()

    for account in (source, target, terminal):
        last = reads.balance_history(account.pk, make.default_commodity().pk)[-1]
        assert last["balance"] == look.balance(account)


def test_a_transaction_of_several_batches_is_one_step(committed_db):
    source = make.account()
    make.mint(source, 10)
    make.mint(source, 20)
    make.transfer(source, make.account(), 25)

    history = reads.balance_history(source.pk, make.default_commodity().pk)

    assert [(row["moved"], row["balance"]) for row in history] == [(10, 10), (20, 30), (-25, 5)]


def test_a_change_of_region_is_a_step_that_moves_nothing(committed_db):
    north, south = make.region(), make.region()
    commodity, source = make.commodity(reassignable=True), make.account()
    services.allow_region_change(
        commodity=commodity, from_region=north, to_region=south, valid_from=LONG_AGO.date()
    )
    make.mint(source, 10, commodity=commodity)
    make.done(make.region_request(source, 4, north, south, commodity=commodity))

    history = reads.balance_history(source.pk, commodity.pk)

    assert [(row["moved"], row["balance"]) for row in history] == [(10, 10), (0, 10)]


def test_the_history_of_the_issuance_account_goes_down(committed_db):
    commodity = make.commodity()
    make.mint(make.account(), 10)
    make.mint(make.account(), 5)

    issuance = look.system_account(commodity, "issuance")

    history = reads.balance_history(issuance.pk, commodity.pk)
    assert [row["balance"] for row in history] == [-10, -15]


# -- Custody and holder


def test_custody_names_every_holder_of_a_certificate_in_order(committed_db):
    source, target, terminal, done = a_history()

    found = reads.custody(make.default_commodity().pk, 5)

    assert [(row["account_id"], row["kind"], row["transaction_id"]) for row in found] == [
        (source.pk, "mint", done[0].transaction_id),
        (target.pk, "transfer", done[1].transaction_id),
        (terminal.pk, "retire", done[2].transaction_id),
    ]


def test_each_custody_ends_when_the_next_one_starts(committed_db):
    a_history()

    found = reads.custody(make.default_commodity().pk, 5)

    assert [row["ended_at"] for row in found] == [
        *(row["started_at"] for row in found[1:]),
        None,
    ]


def test_a_certificate_that_stayed_still_changed_its_block(committed_db):
    source, *_ = a_history()

    found = reads.custody(make.default_commodity().pk, 100)

    assert {row["account_id"] for row in found} == {source.pk}
    assert len({row["block_id"] for row in found}) == len(found) == 3


@pytest.mark.parametrize("number", [0, -1, 101, 2**62])
def test_a_number_never_issued_has_no_custody_and_no_holder(committed_db, number):
    a_history()
    commodity = make.default_commodity().pk

    assert reads.custody(commodity, number) == []
    assert reads.holder_of(commodity, number, NOW) is None


def test_the_holder_of_a_certificate_at_each_step(committed_db):
    source, target, terminal, done = a_history()

    holders = [
        reads.holder_of(make.default_commodity().pk, 5, when(request))["account_id"]
        for request in done
    ]

    assert holders == [source.pk, target.pk, terminal.pk, terminal.pk]


def test_a_holder_is_told_with_block_transaction_and_since_when(committed_db):
    _, target, _, done = a_history()

    found = reads.holder_of(make.default_commodity().pk, 30, NOW)

    (block,) = look.rows("SELECT item_id FROM ledger.leaves WHERE first_no = 11")
    assert found == {
        "block_id": block[0],
        "account_id": target.pk,
        "transaction_id": done[2].transaction_id,
        "since": when(done[2]),
    }


def test_before_its_issue_a_certificate_has_no_holder(committed_db):
    *_, done = a_history()

    assert reads.holder_of(make.default_commodity().pk, 5, when(done[0]) - TICK) is None


def test_the_same_number_of_two_commodities_is_two_certificates(committed_db):
    sun, wind = make.commodity(), make.commodity()
    one, other = make.account(), make.account()
    make.mint(one, 5, commodity=sun)
    make.mint(other, 5, commodity=wind)

    holders = [reads.holder_of(commodity.pk, 3, NOW)["account_id"] for commodity in (sun, wind)]

    assert holders == [one.pk, other.pk]


def test_holdings_and_holders_agree_on_every_certificate(committed_db):
    source, target, terminal, done = a_history()
    commodity = make.default_commodity().pk

    for request in done:
        at = when(request)
        for account in (source, target, terminal):
            for first, last in spans(reads.holdings_as_of(account.pk, at)):
                for number in {first, (first + last) // 2, last}:
                    assert reads.holder_of(commodity, number, at)["account_id"] == account.pk


# -- Who may read

STATEMENTS = {
    "holdings_as_of": "SELECT * FROM ledger.holdings_as_of(gen_random_uuid(), now())",
    "balance_history": "SELECT * FROM ledger.balance_history(gen_random_uuid(), 1)",
    "holder_of": "SELECT * FROM ledger.holder_of(1, 1, now())",
    "custody": "SELECT * FROM ledger.custody(1, 1)",
    "lineage": "SELECT * FROM ledger.lineage(1)",
    "conservation": "SELECT * FROM ledger.conservation(now())",
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_read_writes_nothing_and_is_for_those_who_look(committed_db, name):
    a_history()

    for login in ("ledger_auditor", "portal_web"):
        connection = committed_db.connect(login)
        connection.read_only = True
        connection.execute(STATEMENTS[name])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect("ledger_service").execute(STATEMENTS[name])


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_read_sees_one_snapshot(committed_db, name):
    volatility = look.value(
        "SELECT provolatile FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace"
        " AND proname = %s",
        name,
    )

    assert volatility in ("s", b"s")
