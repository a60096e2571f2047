"""The common case in one step: it leaves what the long way leaves, and what is not common alone."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import psycopg
import pytest
from psycopg.rows import tuple_row

from registry import services
from registry.models import Account, Commodity, Organisation, Request, User
from tests import make
from tests.ledger import look, wrongs
from tests.ledger.forge import Forger, refused
from tests.proof import prove
from tests.together import executing, while_held

SETTLE = "SELECT ledger.settle(%s, %s, %s, clock_timestamp())"
LEFT = {
    "blocks": """
        SELECT i.first_no, i.last_no, i.volume, i.account_id, i.region_id, i.asset_id, i.input_id
        FROM ledger.transaction_items i WHERE i.transaction_id = %s ORDER BY i.first_no""",
    "consumed": """
        SELECT s.item_id FROM ledger.transaction_item_inputs s WHERE s.transaction_id = %s""",
    "postings": """
        SELECT p.line, p.asset_id, p.commodity_id, p.account_id, p.credit, p.debit, p.balance_after
        FROM ledger.credits_debits p WHERE p.transaction_id = %s ORDER BY p.line""",
    "unspent": """
        SELECT l.first_no, l.last_no, l.volume, l.account_id, l.asset_id, l.region_id,
               l.commodity_id
        FROM ledger.leaves l WHERE %s > 0 ORDER BY l.commodity_id, l.first_no""",
    "balances": """
        SELECT b.account_id, b.commodity_id, b.balance FROM ledger.account_balances b
        WHERE %s > 0 ORDER BY 1, 2""",
    "heads": """
        SELECT h.commodity_id, h.next_no FROM ledger.heads h WHERE %s > 0 ORDER BY 1""",
    "request": """
        SELECT r.status, r.transaction_id IS NOT NULL, r.executed_at = t.recorded_at
        FROM registry_request r JOIN ledger.transactions t ON t.request_id = r.id
        WHERE t.id = %s""",
    "link": """
        SELECT c.height, c.prev_hash, c.hash = ledger.link_hash(
                   c.prev_hash, c.height, ledger.transaction_content(t)),
               c.recorded_at = t.recorded_at
        FROM ledger.chain c JOIN ledger.transactions t ON t.id = c.transaction_id
        WHERE t.id = %s""",
}


@pytest.fixture
def session(committed_db) -> psycopg.Connection:
    connection = committed_db.connect("postgres")
    connection.row_factory = tuple_row
    return connection


@pytest.fixture
def trading(committed_db) -> tuple[Account, Account]:
    """Return two accounts that both have held the commodity before."""
    source, target = make.account(holding=100), make.account(holding=40)
    return source, target


def settle(session: psycopg.Connection, request: Request, kind: str = "") -> int | None:
    asked = (request.id, request.approver_id, kind or request.kind)
    return session.execute(SETTLE, asked).fetchone()[0]


def left(session: psycopg.Connection, transaction_id: int) -> dict[str, list]:
    return {
        name: session.execute(statement, (transaction_id,)).fetchall()
        for name, statement in LEFT.items()
    }


def whole_block(source: Account, target: Account) -> Request:
    return make.approved_transfer(source, target, 100)


def part_of_a_block(source: Account, target: Account) -> Request:
    return make.approved_transfer(source, target, 30)


def retirement(source: Account, target: Account) -> Request:
    first = make.retire(source, 1)
    return make.approve(make.retire_request(source, 20, target=first.target))


def first_of_the_commodity(source: Account, target: Account) -> Request:
    return make.approved_transfer(source, make.account(), 30)


@pytest.mark.parametrize("ask", [whole_block, part_of_a_block, retirement, first_of_the_commodity])
def test_both_ways_leave_the_same(session, trading, ask: Callable[..., Request]):
    request = ask(*trading)
    call = f"SELECT ledger_api.{request.kind}(%s, %s)"
    ways = {}

    for way in ("wait", "nowait"):
        session.execute("SELECT set_config('ledger.lock_wait', %s, true)", (way,))
        settled = settle(session, request)
        session.rollback()
        session.execute("SELECT set_config('ledger.lock_wait', %s, true)", (way,))
        (done,) = session.execute(call, (request.id, request.approver_id)).fetchone()
        ways[settled is not None] = left(session, done)
        session.rollback()

    assert ways[True] == ways[False]
    assert ways[True]["link"][0][2:] == (True, True)


def test_what_was_settled_reconciles_and_verifies(committed_db, session, trading):
    assert settle(session, part_of_a_block(*trading)) is not None
    session.commit()

    prove(committed_db)


def test_a_fingerprint_that_was_approved_is_compared(session, trading):
    request = make.transfer_request(*trading, 30)
    seen = services.preview_request(request.id)["fingerprint"]

    assert settle(session, make.approve(request, seen)) is not None


def suspended(account: Account) -> Account:
    Account.objects.filter(pk=account.pk).update(status="suspended")
    return account


def rule(**fields) -> None:
    Commodity.objects.filter(pk=make.default_commodity().pk).update(**fields)


def inactive(user_id) -> None:
    User.objects.filter(pk=user_id).update(is_active=False)


def failed(source: Account, target: Account) -> Request:
    request = make.approved_transfer(source, target, 30)
    Request.objects.filter(pk=request.pk).update(
        status="failed", failed_at=request.decided_at, failure_code="LOCK_NOT_AVAILABLE"
    )
    return request


def retired_without_a_rule(source: Account, target: Account) -> Request:
    request = retirement(source, target)
    rule(retirable=False)
    return request


UNCOMMON = {
    "not approved": lambda source, target: make.transfer_request(source, target, 30),
    "failed before": failed,
    "may not be retired": retired_without_a_rule,
    "a facility": lambda source, target: make.approved_transfer(
        source, target, 30, filter_facility=make.facility(source.organisation)
    ),
    "produced from": lambda source, target: make.approved_transfer(
        source, target, 30, filter_produced_from=date(2026, 1, 2)
    ),
    "produced to": lambda source, target: make.approved_transfer(
        source, target, 30, filter_produced_to=date(2026, 1, 2)
    ),
    "a time stated": lambda source, target: make.approved_transfer(
        source, target, 30, occurred_at=datetime(2026, 2, 1, tzinfo=UTC)
    ),
    "numbers named": lambda source, target: make.approved_transfer(
        source, target, None, ranges=[(1, 30)]
    ),
    "numbers named, and how many": lambda source, target: make.approved_transfer(
        source, target, 30, ranges=[(71, 100)]
    ),
    "a filter": lambda source, target: make.approved_transfer(
        source, target, 30, filter_region=make.region()
    ),
    "more than one block": lambda source, target: make.approved_transfer(source, target, 101),
    "another fingerprint": lambda source, target: make.approve(
        make.transfer_request(source, target, 30), "0" * 64
    ),
    "to itself": lambda source, target: make.approved_transfer(source, source, 30),
    "into a retirement account": lambda source, target: make.approved_transfer(
        source, make.retire(target, 1).target, 30
    ),
    "retired into a trading account": lambda source, target: make.approve(
        make.retire_request(
            source, 5, target=make.account(organisation=source.organisation, holding=5)
        )
    ),
}


@pytest.mark.parametrize("name", UNCOMMON)
def test_what_is_not_common_is_left_alone(session, trading, name):
    request = UNCOMMON[name](*trading)
    before = left(session, 1)

    assert settle(session, request) is None

    assert left(session, 1) == before


def changed(user_id, **fields) -> None:
    User.objects.filter(pk=user_id).update(**fields)


def of_the(organisation_id, **fields) -> None:
    Organisation.objects.filter(pk=organisation_id).update(**fields)


CHANGES = {
    "the source is suspended": lambda request: suspended(request.source),
    "the target is suspended": lambda request: suspended(request.target),
    "the approver left": lambda request: inactive(request.approver_id),
    "the submitter left": lambda request: inactive(request.submitter_id),
    "the rule changed": lambda request: rule(transferable=False),
    "the approver is another role": lambda request: changed(request.approver_id, role="viewer"),
    "the two are one person": lambda request: changed(
        request.approver_id, person_id=request.submitter.person_id
    ),
    "the submitter's organisation is suspended": lambda request: of_the(
        request.organisation_id, status="suspended"
    ),
    "the approver's organisation is suspended": lambda request: of_the(
        make.registry().id, status="suspended"
    ),
    "the approver's organisation is no registry": lambda request: of_the(
        make.registry().id, kind="participant"
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_no_longer_allowed_is_left_alone(session, trading, name):
    request = part_of_a_block(*trading)
    CHANGES[name](request)
    before = left(session, 1)

    assert settle(session, request) is None

    assert left(session, 1) == before


def test_nothing_else_is_settled_as_a_transfer(session, trading):
    source, target = trading
    change = make.region_request(source, 30, None, make.region(), target=target)

    assert settle(session, make.approve(change), "transfer") is None


def test_a_change_of_region_is_not_settled_as_what_it_is(session, trading):
    source, target = trading
    change = make.approve(make.region_request(source, 30, None, make.region(), target=target))

    assert settle(session, change, "reassign_region") is None


@pytest.mark.parametrize("kind", ["retire", "mint", "expire", "reassign_region"])
def test_a_transfer_is_settled_as_nothing_else(session, trading, kind):
    assert settle(session, part_of_a_block(*trading), kind) is None


def test_a_block_past_its_date_is_passed_over_the_long_way(committed_db, session):
    commodity = make.commodity(months_transferable=12)
    source, target = make.account(), make.account()
    late = make.mint(source, 10, commodity=commodity, **wrongs.period(months_ago=14))
    make.mint(source, 20, commodity=commodity)
    request = make.approved_transfer(source, target, 4, commodity=commodity)

    assert settle(session, request) is None

    session.rollback()
    assert look.outcome(request) == "done"
    held = look.rows(
        "SELECT first_no, volume FROM ledger.leaves WHERE account_id = %s ORDER BY 1", source.id
    )
    assert held == [(1, late.volume), (15, 16)]


def test_a_balance_of_nothing_that_was_opened_before_is_posted_to(session, trading):
    source, target = trading[0], make.account()
    request = make.approved_transfer(source, target, 30)
    session.execute(
        "INSERT INTO ledger.account_balances (account_id, commodity_id) VALUES (%s, %s)",
        (target.id, request.commodity_id),
    )

    assert settle(session, request) is not None

    balances = dict(row[::2] for row in left(session, 1)["balances"])
    assert (balances[source.id], balances[target.id]) == (70, 30)


def test_nobody_but_the_approver_settles(session, trading):
    request = part_of_a_block(*trading)
    request.approver_id = make.approver(email="other@example.org").id

    assert settle(session, request) is None


def test_nothing_is_retired_for_another_organisation(session, trading):
    source, other = trading
    terminal = make.retire(other, 1).target

    assert settle(session, make.approve(make.retire_request(source, 5, target=terminal))) is None


def test_times_never_decrease(committed_db, trading):
    request = part_of_a_block(*trading)
    forger = Forger(committed_db)
    began = forger.one("SELECT transaction_timestamp()")
    make.transfer(*trading, 1)
    assert forger.one(
        "SELECT ledger.settle(%s, %s, 'transfer', %s)", request.id, request.approver_id, began
    )

    assert not forger.run(
        "SELECT later.id FROM ledger.transactions earlier JOIN ledger.transactions later"
        " ON later.id > earlier.id AND later.occurred_at < earlier.occurred_at"
    )


def test_nothing_is_settled_while_another_transaction_is_open(committed_db, trading):
    forger = Forger(committed_db, "postgres")
    request = part_of_a_block(*trading)
    forger.header(part_of_a_block(*reversed(trading)))

    settled = forger.one(SETTLE, request.id, request.approver_id, "transfer")

    assert settled is None


def test_a_request_whose_row_moved_while_waiting_for_it_is_marked_executed(committed_db, trading):
    request = part_of_a_block(*trading)

    with psycopg.connect(committed_db.dsn()) as holder:
        # Another version of the row, in another place.
        holder.execute("UPDATE registry_request SET status = status WHERE id = %s", (request.id,))
        (done,) = while_held(committed_db, holder, *executing(committed_db, [request]))

    request.refresh_from_db()
    assert (request.status, request.transaction_id) == ("executed", done)
    prove(committed_db)


def test_what_is_settled_is_sealed(committed_db, trading):
    forger = Forger(committed_db, "postgres")
    request = part_of_a_block(*trading)
    settled = forger.one(SETTLE, request.id, request.approver_id, "transfer")
    block = forger.blocks(trading[0])[0]

    with refused("TRANSACTION_SEALED"):
        forger.create({"id": settled}, block, first_no=1, last_no=1)


@pytest.mark.parametrize(
    "write",
    [
        lambda forger, done: forger.insert(
            "transaction_items", asset_id=1, account_id=make.account().id, region_id=1,
            first_no=1, last_no=1, volume=1, input_id=1, transaction_id=done,
        ),
        lambda forger, done: forger.insert(
            "chain", commodity_id=make.default_commodity().pk, height=99, transaction_id=done,
            recorded_at="now", prev_hash=b"", hash=b"",
        ),
    ],
)  # fmt: skip
def test_whoever_takes_the_role_on_is_watched_like_anybody(committed_db, trading, write):
    done = make.transfer(*trading, 30).transaction_id

    with pytest.raises(psycopg.Error) as caught:
        write(Forger(committed_db, "ledger_deriver"), done)

    # It may not read what the guards ask about, or is refused by them.
    assert caught.value.diag.sqlstate == "42501" or caught.value.diag.message_primary in {
        "TRANSACTION_SEALED", "CHAIN_BROKEN",
    }  # fmt: skip
