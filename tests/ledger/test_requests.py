"""What the database holds of a request, whoever writes to it: states, content, people, keys."""

from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest

from registry import services
from registry.models import Account, Request
from tests import make
from tests.server import Database
from tests.washing import stage_of

MOVES = {
    "draft": {"submitted", "withdrawn"},
    "submitted": {"approved", "rejected", "withdrawn"},
    "approved": {"executed", "failed"},
}
STATES = ["draft", "submitted", "approved", "executed", "rejected", "failed", "withdrawn"]


def draft(source: Account | None = None, **asks: object) -> Request:
    source = source or make.account(holding=10)
    return services.draft_request(
        kind="transfer",
        submitter=make.submitter_for(source),
        commodity=make.default_commodity(),
        **{"source": source, "target": make.account(), "volume": 5, **asks},
    )


def a_request(status: str) -> Request:
    """Make a request in a state, by the services."""
    request = draft()
    if status == "draft":
        return request
    if status == "withdrawn":
        return services.withdraw_request(request_id=request.pk, submitter=request.submitter)
    request = services.submit_request(request_id=request.pk, submitter=request.submitter)
    if status == "submitted":
        return request
    if status == "rejected":
        return services.reject_request(
            request_id=request.pk, approver=make.approver(), reason="No."
        )
    if status == "failed":
        make.transfer(request.source, request.target, 10)
    request = make.approve(request)
    return request if status == "approved" else services.execute_request(request_id=request.pk)


def in_every_state(database: Database) -> dict[str, Request]:
    return {state: a_request(state) for state in STATES}


stage = stage_of(in_every_state)


def change(database: Database, request: Request, assignments: str, *values: object) -> str:
    """Write to a request as the administrator, past every grant; return "done" or the refusal."""
    try:
        with psycopg.connect(database.dsn()) as connection:
            connection.execute(
                f"UPDATE registry_request SET {assignments} WHERE id = %s", (*values, request.pk)
            )
    except psycopg.Error as error:
        return error.diag.message_primary
    return "done"


# -- States


@pytest.mark.parametrize("status", STATES)
def test_the_services_reach_every_state(committed_db, status, staged):
    assert Request.objects.get(pk=staged[status].pk).status == status


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (before, after)
        for before in STATES
        for after in STATES
        if before != after and after not in MOVES.get(before, ())
    ],
)
def test_a_request_moves_only_along_its_states(committed_db, before, after, staged):
    request = staged[before]

    assert change(committed_db, request, "status = %s", after) == "REQUEST_TRANSITION_INVALID"
    assert Request.objects.get(pk=request.pk).status == before


@pytest.mark.parametrize("status", STATES[2:])
def test_a_request_starts_as_a_draft_or_submitted(committed_db, status):
    request = draft()
    fields = [f.column for f in Request._meta.fields if f.column not in ("id", "number", "status")]
    columns = ", ".join(fields)

    with (
        pytest.raises(psycopg.Error, match="REQUEST_TRANSITION_INVALID"),
        psycopg.connect(committed_db.dsn()) as connection,
    ):
        connection.execute(
            f"INSERT INTO registry_request (id, status, {columns})"
            f" SELECT %s, %s, {columns.replace('idempotency_key', 'gen_random_uuid()')}"
            " FROM registry_request WHERE id = %s",
            (uuid4(), status, request.pk),
        )


def test_only_the_ledgers_transaction_makes_a_request_executed(committed_db, staged):
    other = staged["executed"]
    request = staged["approved"]

    outcome = change(
        committed_db,
        request,
        "status = 'executed', executed_at = now(), transaction_id = %s",
        other.transaction_id,
    )

    assert outcome == "REQUEST_TRANSITION_INVALID"


def test_a_decision_names_who_decided(committed_db, staged):
    request = staged["submitted"]

    outcome = change(committed_db, request, "status = 'approved', decided_at = now()")

    assert outcome == "ACTOR_NOT_AUTHORISED"


@pytest.mark.parametrize("statement", ["DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
@pytest.mark.parametrize("status", ["draft", "executed"])
def test_requests_are_kept(committed_db, statement, status, staged):
    request = staged[status]

    with (
        pytest.raises(psycopg.Error, match="APPEND_ONLY_VIOLATION"),
        psycopg.connect(committed_db.dsn()) as connection,
    ):
        connection.execute(statement.format("registry_request"))
    assert Request.objects.filter(pk=request.pk).exists()


# -- Content

CONTENT = {
    "kind": "'retire', beneficiary = 'x', reason = 'y'",
    "commodity_id": "commodity_id + 1",
    "source_id": "target_id",
    "target_id": "source_id",
    "volume": "volume + 1",
    "ranges": "'{[1,5]}'",
    "facility_id": "gen_random_uuid()",
    "region_id": "1",
    "production_start": "'2026-01-01'",
    "production_end": "'2026-01-01'",
    "source_serial": "'GO-1'",
    "filter_facility_id": "gen_random_uuid()",
    "filter_region_id": "1",
    "filter_produced_from": "'2026-01-01'",
    "filter_produced_to": "'2026-01-01'",
    "max_blocks": "1",
    "beneficiary": "'Somebody'",
    "beneficiary_country": "'CZ'",
    "beneficiary_place": "'Somewhere'",
    "reason": "'Because'",
    "consumption_start": "'2026-01-01'",
    "consumption_end": "'2026-01-01'",
    "claim_published": "true",
    "note": "'Changed'",
    "occurred_at": "now()",
    "source_event": "'event-1'",
    "submitted_at": "now()",
    "submitted_fingerprint": "repeat('0', 64)",
}
IDENTITY = {
    "id": "gen_random_uuid()",
    "number": "nextval('registry_request_number_seq')",
    "submitter_id": "(SELECT id FROM registry_user WHERE role = 'approver')",
    "organisation_id": "gen_random_uuid()",
    "idempotency_key": "gen_random_uuid()",
    "created_at": "now()",
}
DECISION = {
    "approver_id": "submitter_id",
    "decided_at": "now()",
    "decision_reason": "'Changed'",
    "approved_fingerprint": "repeat('0', 64)",
}
OUTCOME = {
    "executed_at": "now()",
    "transaction_id": "1",
    "failed_at": "now()",
    "failure_code": "'COMMODITY_RULE'",
    "withdrawn_at": "now()",
}


def test_every_column_of_a_request_is_tried_here():
    tried = {*CONTENT, *IDENTITY, *DECISION, *OUTCOME, "status"}

    assert tried == {field.column for field in Request._meta.fields}


@pytest.mark.parametrize("column", [*CONTENT, *IDENTITY, *DECISION, *OUTCOME])
def test_what_was_submitted_is_frozen(committed_db, column, staged):
    new = {**CONTENT, **IDENTITY, **DECISION, **OUTCOME}[column]
    make.approver()

    outcome = change(committed_db, staged["submitted"], f"{column} = {new}")

    assert outcome == "REQUEST_FROZEN"


@pytest.mark.parametrize("column", [*IDENTITY, *DECISION, *OUTCOME])
def test_a_draft_has_its_author_and_no_decision(committed_db, column, staged):
    new = {**IDENTITY, **DECISION, **OUTCOME}[column]
    make.approver()

    assert change(committed_db, staged["draft"], f"{column} = {new}") == "REQUEST_FROZEN"


@pytest.mark.parametrize("column", [*DECISION, *OUTCOME, "volume", "target_id"])
@pytest.mark.parametrize("status", ["approved", "executed", "rejected"])
def test_what_was_decided_and_done_is_frozen(committed_db, status, column, staged):
    new = {**CONTENT, **DECISION, **OUTCOME}[column]

    outcome = change(committed_db, staged[status], f"{column} = {new}")

    assert outcome == "REQUEST_FROZEN"


def test_a_decision_cannot_change_what_it_decides(committed_db, staged):
    request, approver = staged["submitted"], make.approver()

    outcome = change(
        committed_db,
        request,
        "status = 'approved', decided_at = now(), approver_id = %s, volume = 9",
        approver.pk,
    )

    assert outcome == "REQUEST_FROZEN"


@pytest.mark.parametrize("column", ["volume", "ranges", "note", "filter_produced_from"])
def test_a_draft_may_still_change(committed_db, column, staged):
    assert change(committed_db, staged["draft"], f"{column} = {CONTENT[column]}") == "done"


# -- Keys


def test_the_same_key_with_the_same_content_is_the_same_request(committed_db):
    source, target, key = make.account(holding=10), make.account(), uuid4()
    asks = {"source": source, "target": target, "idempotency_key": key}

    first, second = draft(**asks), draft(**asks)

    assert first.pk == second.pk
    assert Request.objects.filter(idempotency_key=key).count() == 1


@pytest.mark.parametrize("status", ["submitted", "executed"])
def test_a_key_is_remembered_in_every_state(committed_db, status):
    source, target, key = make.account(holding=10), make.account(), uuid4()
    asks = {"source": source, "target": target, "idempotency_key": key}
    first = draft(**asks)
    submitted = services.submit_request(request_id=first.pk, submitter=first.submitter)
    if status == "executed":
        make.done(submitted)

    assert draft(**asks).pk == first.pk
    assert draft(**asks).status == status


@pytest.mark.parametrize("other", [{"volume": 6}, {"note": "another"}, {"ranges": ((1, 5),)}])
def test_the_same_key_with_other_content_is_refused(committed_db, other):
    source, target, key = make.account(holding=10), make.account(), uuid4()
    asks = {"source": source, "target": target, "idempotency_key": key}
    draft(**asks)

    with pytest.raises(services.Refused, match="IDEMPOTENCY_KEY_REUSED"):
        draft(**{**asks, **other})


def test_two_people_may_use_the_same_key(committed_db):
    key = uuid4()

    one, other = draft(idempotency_key=key), draft(idempotency_key=key)

    assert one.pk != other.pk


def test_numbers_of_requests_go_up(committed_db):
    requests = [draft() for _ in range(3)]

    numbers = [Request.objects.get(pk=request.pk).number for request in requests]

    assert all(above > below for below, above in pairwise(numbers))
