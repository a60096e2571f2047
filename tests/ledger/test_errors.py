"""Every refusal of the ledger, raised once for real: its code, its number, its kind, its facts."""

import json
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from django.db import ProgrammingError, connections, models

from ledgerdb import reads
from ledgerdb.errors import InvariantBroken, LedgerError, Refused, translated
from registry import services
from registry.services import desk
from tests import make
from tests.ledger import (
    test_expire,
    test_guards_whole,
    test_mint,
    test_reassign_region,
    test_retire,
    test_transfer,
    wrongs,
)
from tests.ledger.forge import Forger, approving
from tests.server import Database

Raises = Callable[[Database], object]


def executing(right: Callable, wrongs_of: list, why: str) -> Raises:
    """Return how to execute a request that is right but for one thing."""
    (wrong,) = [each for each in wrongs_of if each.why == why]
    return lambda database: wrongs.spoiled(right(database), wrong).execute()


def transferring(why: str) -> Raises:
    return executing(test_transfer.a_transfer, test_transfer.WRONGS, why)


def minting(why: str) -> Raises:
    return executing(test_mint.a_mint, test_mint.WRONGS, why)


def writing(name: str) -> Raises:
    """Return how to write a transaction by hand, with one fault in it."""

    def attack(database: Database) -> None:
        forger = Forger(database)
        case = test_guards_whole.Case(database, forger, *approving()(database))
        write, _ = test_guards_whole.ATTACKS[name]
        write(case)
        forger.commit()

    return attack


def changing_what_was_submitted(database: Database) -> None:
    request = make.transfer_request(make.account(holding=10), make.account(), 5)
    services.update_draft(request_id=request.pk, submitter=request.submitter, volume=6)


def previewing_what_was_rejected(database: Database) -> None:
    request = make.transfer_request(make.account(holding=10), make.account(), 5)
    services.reject_request(request_id=request.pk, approver=make.approver(), reason="No.")
    services.preview_request(request.pk)


def approving_blocks_that_were_not_opened(database: Database) -> None:
    request = make.transfer_request(make.account(holding=10), make.account(), 5)
    shown = services.preview_request(request.pk)["fingerprint"]
    services.approve_request(request_id=request.pk, approver=make.approver(), fingerprint=shown)


def retiring_for_nobody(database: Database) -> None:
    make.retire_request(make.account(holding=10), 5, beneficiary="")


def storing_a_wrong_balance(database: Database) -> None:
    account = make.account(holding=10)
    Forger(database).store(account, make.default_commodity().pk, 11)


def one_key_for_two_requests(database: Database) -> None:
    source, target, key = make.account(), make.account(), uuid4()
    for volume in (5, 6):
        services.create_transfer_draft(
            submitter=make.submitter_for(source),
            source=source,
            target=target,
            commodity=make.default_commodity(),
            volume=volume,
            idempotency_key=key,
        )


def naming_numbers_of_another_region(database: Database) -> None:
    commodity = make.commodity(reassignable=True)
    source = make.account(holding=10, commodity=commodity)
    drafted = services.draft_request(
        kind="reassign_region",
        submitter=make.submitter_for(source),
        commodity=commodity,
        source=source,
        ranges=((1, 5),),
        filter_region=make.region(),
        region=make.region(),
    )
    services.preview_request(drafted.id)


def two_blocks_with_the_same_numbers(database: Database) -> None:
    source = make.account(holding=100)
    forger = Forger(database)
    (block,) = forger.blocks(source)
    forger.leaf({**block, "id": 999, "first_no": 50, "last_no": 60}, make.default_commodity().pk)


def a_batch_after_a_gap(database: Database) -> None:
    target = make.account(holding=100)
    Forger(database).mint(make.approve(make.mint_request(target, 10)), 102)


def moving_more_than_was_asked_for(database: Database) -> None:
    request = make.approved_transfer(make.account(holding=100), make.account(), 30)
    forger = Forger(database)
    request.volume = 31
    transaction, _ = forger.move(request)
    forger.close(request, transaction)
    forger.commit()


def rewriting_history(database: Database) -> None:
    make.account(holding=100)
    Forger(database, "postgres").run("DELETE FROM ledger.transactions")


def adding_to_an_old_transaction(database: Database) -> None:
    source = make.account(holding=100)
    forger = Forger(database)
    (old,) = forger.run("SELECT * FROM ledger.transactions")
    (block,) = forger.blocks(source)
    forger.post(old, block["asset_id"], source, credit=5)


def dropping_a_guard(database: Database) -> None:
    Forger(database, "ledger_owner").run(
        "DROP TRIGGER transactions_append_only ON ledger.transactions"
    )


def changing(record: models.Model, **fields: object) -> None:
    """Change a record past every service."""
    with translated():
        type(record)._default_manager.filter(pk=record.pk).update(**fields)


def a_zone_of_another_world(database: Database) -> None:
    make.commodity(time_zone="Mars/Olympus")


def reopening_for_a_suspended_organisation(database: Database) -> None:
    account = make.account()
    changing(account.organisation, status="suspended")
    changing(account, status="active")


def closing_what_is_asked_from(database: Database) -> None:
    account = make.account()
    make.transfer_request(account, make.account(holding=5), 3)
    changing(account, status="closed")


def taking_a_code(database: Database) -> None:
    desk.register_organisation(actor=make.operator(), code=make.organisation().code, name="Another")


def editing_what_somebody_changed(database: Database) -> None:
    organisation, operator = make.organisation(), make.operator()
    for name in ("First", "Second"):
        desk.edit_organisation(
            actor=operator, organisation=organisation, version=1, reason="", name=name
        )


def removing_the_last_team_admin(database: Database) -> None:
    admin = make.person(make.organisation(), "team_admin")
    services.change_role(user_id=admin.id, role="viewer", by=make.operator())


def changing_a_withdrawn_invitation(database: Database) -> None:
    invitation, _ = services.invite(
        by=make.operator(),
        organisation=make.registry(),
        email="tomas@registry.example",
        role="approver",
    )
    services.withdraw_invitation(invitation_id=invitation.id)
    services.confirm_invitation(invitation_id=invitation.id, by=make.approver())


RAISED: dict[str, Raises] = {
    "ACTOR_NOT_AUTHORISED": transferring("called by somebody else"),
    "SELF_APPROVAL": transferring("one person with two sign-ins"),
    "LAST_ADMIN": removing_the_last_team_admin,
    "INVITATION_SPENT": changing_a_withdrawn_invitation,
    "REPLAY_RUN_FROZEN": lambda database: changing(make.replay_run(), sha256="1" * 64),
    "REPLAY_VARIANCE_FROZEN": lambda database: make.variance(replaces=make.variance()),
    "REQUEST_NOT_FOUND": transferring("unknown id"),
    "REQUEST_NOT_APPROVED": transferring("nobody decided"),
    "REQUEST_KIND_MISMATCH": transferring("called as another kind"),
    "REQUEST_FROZEN": changing_what_was_submitted,
    "REQUEST_TRANSITION_INVALID": previewing_what_was_rejected,
    "PREVIEW_CHANGED": transferring("another preview was approved"),
    "PREVIEW_NOT_OPENED": approving_blocks_that_were_not_opened,
    "BENEFICIARY_MISSING": retiring_for_nobody,
    "ACCOUNT_NOT_FOUND": minting("no system account"),
    "ACCOUNT_NOT_ACTIVE": transferring("source suspended"),
    "ACCOUNT_TYPE_INVALID": executing(
        test_retire.a_retirement,
        test_retire.WRONGS,
        "another organisation's retirement account",
    ),
    "SAME_ACCOUNT": transferring("source and target"),
    "COMMODITY_RULE": transferring("not transferable"),
    "REGION_NOT_ALLOWED": executing(
        test_reassign_region.a_change, test_reassign_region.WRONGS, "no rule"
    ),
    "FACILITY_NOT_ACTIVE": minting("suspended"),
    "PRODUCTION_PERIOD_OVERLAP": minting("issued already"),
    "TIME_ZONE_UNKNOWN": a_zone_of_another_world,
    "ORGANISATION_SUSPENDED": reopening_for_a_suspended_organisation,
    "ACCOUNT_NOT_EMPTY": lambda database: changing(make.account(holding=5), status="closed"),
    "ACCOUNT_HAS_REQUESTS": closing_what_is_asked_from,
    "RECORD_FIXED": lambda database: changing(make.account(), code="OTHER"),
    "CODE_TAKEN": taking_a_code,
    "RECORD_CHANGED": editing_what_somebody_changed,
    "VOLUME_NOT_POSITIVE": executing(test_expire.an_expiry, test_expire.WRONGS, "nothing is due"),
    "VOLUME_OVERFLOW": minting("more numbers than there are"),
    "RANGE_INVALID": transferring("quantity differs from numbers"),
    "NUMBERS_OUTSIDE_FILTER": naming_numbers_of_another_region,
    "BLOCK_NOT_HELD": transferring("numbers nobody has"),
    "INSUFFICIENT_TOTAL_BALANCE": transferring("more than held"),
    "LEAF_SHORTFALL": transferring("a block is not counted as held"),
    "BALANCE_DRIFT": storing_a_wrong_balance,
    "IDEMPOTENCY_KEY_REUSED": one_key_for_two_requests,
    "BACKDATING_FORBIDDEN": transferring("stated for an hour ago"),
    "EFFECTIVE_AT_IN_FUTURE": transferring("stated for tomorrow"),
    "CLOCK_REGRESSION": transferring("the last transaction is of tomorrow"),
    "LOCK_NOT_AVAILABLE": transferring("source busy"),
    "POSTING_IMBALANCE": writing("a_lone_posting"),
    "POSTING_MISSING": writing("a_header_alone"),
    "SPLIT_VOLUME_MISMATCH": writing("a_consumed_block_without_children"),
    "PARENT_NOT_CONSUMED": writing("a_block_from_nowhere"),
    "SPENT_INPUT_STILL_LEAF": writing("a_consumed_block_still_counted_as_held"),
    "LEAF_RANGE_OVERLAP": two_blocks_with_the_same_numbers,
    "BATCH_NOT_CONTIGUOUS": a_batch_after_a_gap,
    "APPEND_ONLY_VIOLATION": rewriting_history,
    "TRANSACTION_SEALED": adding_to_an_old_transaction,
    "LEDGER_DDL_FROZEN": dropping_a_guard,
    "REQUEST_NOT_FOLLOWED": moving_more_than_was_asked_for,
    "CHAIN_BROKEN": writing("a_transaction_left_out_of_the_chain"),
}

# Nobody's request causes these: an alert, and a page that blames nobody.
ALERTS = {
    "LEAF_SHORTFALL",
    "BALANCE_DRIFT",
    "POSTING_IMBALANCE",
    "POSTING_MISSING",
    "SPLIT_VOLUME_MISMATCH",
    "PARENT_NOT_CONSUMED",
    "SPENT_INPUT_STILL_LEAF",
    "LEAF_RANGE_OVERLAP",
    "BATCH_NOT_CONTIGUOUS",
    "APPEND_ONLY_VIOLATION",
    "TRANSACTION_SEALED",
    "LEDGER_DDL_FROZEN",
    "REQUEST_NOT_FOLLOWED",
    "CHAIN_BROKEN",
}


def said(database: Database, raises: Raises) -> tuple[str, str, dict]:
    """Return code, sqlstate and facts of what is raised."""
    try:
        raises(database)
    except LedgerError as error:
        return error.code, error.sqlstate, error.facts
    except psycopg.Error as error:
        diag = error.diag
        return diag.message_primary, diag.sqlstate, json.loads(diag.message_detail)
    pytest.fail("nothing was raised")


def test_every_code_of_the_ledger_is_raised_here(committed_db):
    # What is wrong with a file is found before the ledger is asked: tests/portal/test_bulk.py.
    assert set(RAISED) == {row["code"] for row in reads.error_codes() if row["domain"] != "file"}


@pytest.mark.parametrize("code", RAISED)
def test_a_refusal_has_its_name_its_number_and_its_facts(committed_db, code):
    (known,) = [row for row in reads.error_codes() if row["code"] == code]

    name, sqlstate, facts = said(committed_db, RAISED[code])

    assert (name, sqlstate) == (code, known["sqlstate"])
    assert isinstance(facts, dict)
    assert facts


REQUESTS = [code for code, raises in RAISED.items() if code not in ALERTS]


@pytest.mark.parametrize("code", REQUESTS)
def test_what_a_person_can_mend_is_a_refusal(committed_db, code):
    with pytest.raises(Refused, match=code):
        RAISED[code](committed_db)


def test_what_nobody_can_mend_is_an_alert(committed_db):
    with pytest.raises(InvariantBroken, match="LEAF_SHORTFALL"):
        RAISED["LEAF_SHORTFALL"](committed_db)


def test_alerts_are_the_codes_that_answer_500(committed_db):
    assert {row["code"] for row in reads.error_codes() if row["http_status"] == 500} == ALERTS


def test_each_code_says_what_to_do_in_sentences(committed_db):
    for row in reads.error_codes():
        assert row["title"].endswith(".")
        assert row["cause"].endswith(".")
        assert row["what_to_do"].endswith(".")
        assert row["title"] != row["what_to_do"]


def test_no_two_codes_share_a_number(committed_db):
    numbers = [row["sqlstate"] for row in reads.error_codes()]

    assert len(numbers) == len(set(numbers)) >= len(RAISED)


STATUSES = {
    "actor": {403},
    "invitation": {409},
    "request": {404, 409, 422},
    "replay": {409},
    "account": {422},
    "commodity": {422},
    "region": {422},
    "facility": {422},
    "organisation": {422},
    "record": {409},
    "volume": {422},
    "file": {422},
    "balance": {422, 500},
    "idempotency": {409},
    "time": {422, 503},
    "lock": {503},
    "invariant": {500},
}


def test_each_domain_answers_with_its_statuses(committed_db):
    found: dict[str, set[int]] = {}
    for row in reads.error_codes():
        found.setdefault(row["domain"], set()).add(row["http_status"])

    assert found == STATUSES


@pytest.mark.parametrize("login", ["ledger_auditor", "portal_web"])
def test_the_codes_can_be_read_and_not_changed(committed_db, login):
    connection = committed_db.connect(login, autocommit=True)

    count = connection.execute("SELECT count(*) FROM ledger.error_codes").fetchone()[0]

    assert count == len(reads.error_codes())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM ledger.error_codes")


@pytest.mark.parametrize("sqlstate", ["55P03", "40P01", "40001"])
def test_a_busy_database_is_a_lock_that_was_not_available(committed_db, sqlstate):
    with pytest.raises(Refused, match="LOCK_NOT_AVAILABLE") as refused, translated():
        connections["audit"].cursor().execute(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$")

    assert refused.value.sqlstate == sqlstate


def test_what_is_not_the_ledgers_passes_untouched(committed_db):
    with pytest.raises(ProgrammingError), translated():
        connections["audit"].cursor().execute("SELECT no_such_column")
