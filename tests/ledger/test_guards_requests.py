"""The request table: states, frozen content and four eyes hold whoever writes to it."""

from collections.abc import Iterable
from uuid import uuid4

import pytest
from django.db import models
from psycopg.types.json import Jsonb

from registry import services
from registry.models import Request
from tests import make
from tests.ledger.forge import refused
from tests.washing import stage_of

LOGINS = ("portal_web", "ledger_migrator", "replica")
STATES = Request.Status.values
ALLOWED = {
    ("draft", "submitted"),
    ("draft", "withdrawn"),
    ("submitted", "approved"),
    ("submitted", "rejected"),
    ("submitted", "withdrawn"),
    ("approved", "executed"),
    ("approved", "failed"),
}
# What a step must write beside the status.
STEPS = {
    "approved": ", approver_id = %(approver)s, decided_at = now()",
    "rejected": ", approver_id = %(approver)s, decided_at = now()",
}


class Table:
    """The request table in the hands of one login."""

    def __init__(self, database, login: str) -> None:
        self.connection = database.connect("postgres" if login == "replica" else login)
        if login == "replica":
            self.connection.execute("SET session_replication_role = replica")
        if login == "ledger_migrator":
            self.connection.execute("SET ROLE ledger_owner")
        self.connection.commit()

    def update(self, request, changes: str, **values) -> int:
        statement = f"UPDATE public.registry_request SET {changes} WHERE id = %(id)s"
        rows = self.connection.execute(statement, {"id": request.id, **values}).rowcount
        self.connection.commit()
        return rows

    def copy(self, request, **changes) -> None:
        """Insert a request like this one, but for an id, a number and the changes."""
        changes = {"id": str(uuid4()), "number": 99_999, **changes}
        self.connection.execute(
            "INSERT INTO public.registry_request SELECT (jsonb_populate_record(r, %s)).*"
            " FROM public.registry_request r WHERE id = %s",
            (Jsonb(changes), request.id),
        )


@pytest.fixture(params=LOGINS)
def table(request, committed_db) -> Table:
    return Table(committed_db, request.param)


def request_in(state: str):
    """Return a request that came into a state on the proper way."""
    source, target = make.account(holding=100), make.account()
    submitter = make.submitter_for(source)
    drafted = services.draft_request(
        kind="transfer",
        submitter=submitter,
        commodity=make.default_commodity(),
        source=source,
        target=target,
        volume=30 if state != "failed" else 3_000,
    )
    if state == "draft":
        return drafted
    if state == "withdrawn":
        return services.withdraw_request(request_id=drafted.id, submitter=submitter)
    asked = services.submit_request(request_id=drafted.id, submitter=submitter)
    if state == "submitted":
        return asked
    if state == "rejected":
        return services.reject_request(request_id=asked.id, approver=make.approver(), reason="No.")
    if state == "approved":
        return make.approve(asked)
    return services.execute_request(request_id=make.approve(asked).id)


stage = stage_of(lambda database: {state: request_in(state) for state in STATES})


@pytest.mark.parametrize("after", STATES)
@pytest.mark.parametrize("before", STATES)
def test_a_request_moves_only_along_its_states(committed_db, before, after, staged):
    request = staged[before]
    table = Table(committed_db, "ledger_migrator")

    if before == after:
        assert table.update(request, f"status = '{after}'") == 1
    elif after == "executed":
        # Only the ledger can: by a transaction of this request, which there is none of.
        with refused("REQUEST_TRANSITION_INVALID"):
            table.update(request, "status = 'executed'")
    elif (before, after) in ALLOWED:
        approver = make.approver().id
        changes = f"status = '{after}'" + STEPS.get(after, "")
        assert table.update(request, changes, approver=approver) == 1
    else:
        with refused("REQUEST_TRANSITION_INVALID"):
            table.update(request, f"status = '{after}'")


@pytest.mark.parametrize(
    "state", [state for state in STATES if state not in ("draft", "submitted")]
)
def test_a_request_starts_as_a_draft_or_submitted(table, state, staged):
    request = staged["draft"]

    with refused("REQUEST_TRANSITION_INVALID"):
        table.copy(request, idempotency_key=str(uuid4()), status=state)


@pytest.mark.parametrize("number", ["NULL", "1", "4711"])
def test_a_request_is_not_executed_without_a_transaction_of_its_own(committed_db, staged, number):
    request = staged["approved"]
    table = Table(committed_db, "ledger_migrator")

    with refused("REQUEST_TRANSITION_INVALID"):
        table.update(
            request,
            f"status = 'executed', executed_at = now(), transaction_id = {number}",
        )


def test_the_pages_cannot_mark_a_request_executed(committed_db, staged):
    request = staged["approved"]
    table = Table(committed_db, "portal_web")

    with refused("42501"):
        table.update(request, "status = 'executed', executed_at = now(), transaction_id = 1")


# ---- frozen


def other_value(field: models.Field) -> object:
    """Return a value that the field does not have."""
    name = type(field).__name__
    values = {
        "UUIDField": uuid4(),
        "AutoField": 987_654,
        "BooleanField": True,
        "BigIntegerField": 987_654,
        "IntegerField": 987_654,
        "DateField": "1999-09-09",
        "DateTimeField": "1999-09-09T00:00Z",
        "CharField": "zz",
        "TextField": "zz",
        "NumberRangesField": "{[7,8)}",
    }
    if name == "ForeignKey":
        return other_value(field.target_field)
    return values[name]


COLUMNS = {field.column: field for field in Request._meta.concrete_fields}
OUTCOME = {
    "approver_id", "decided_at", "decision_reason", "approved_fingerprint", "transaction_id",
    "executed_at", "failed_at", "failure_code", "withdrawn_at",
}  # fmt: skip
IDENTITY = {"id", "number", "submitter_id", "organisation_id", "idempotency_key", "created_at"}


def keeps(table: Table, request: Request, columns: Iterable[str]) -> None:
    """See that no other value of any of these columns is taken; what is refused leaves nothing."""
    for column in sorted(columns):
        with refused("REQUEST_FROZEN"):
            table.update(request, f'"{column}" = %(value)s', value=other_value(COLUMNS[column]))
        table.connection.rollback()


def test_a_submitted_request_keeps_every_column(committed_db, staged):
    keeps(Table(committed_db, "ledger_migrator"), staged["submitted"], set(COLUMNS) - {"status"})


def test_a_draft_keeps_who_asked_and_has_no_outcome(committed_db, staged):
    keeps(Table(committed_db, "ledger_migrator"), staged["draft"], IDENTITY | OUTCOME)


@pytest.mark.parametrize("state", ["approved", "executed", "rejected", "failed", "withdrawn"])
def test_what_was_decided_stays_as_it_was(table, state, staged):
    keeps(table, staged[state], {"volume", "target_id", "approver_id", "note", "decided_at"})


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ("submitted", "status = 'approved', approver_id = %(approver)s, decided_at = now()"),
        ("submitted", "status = 'withdrawn'"),
        ("approved", "status = 'failed'"),
        ("draft", "status = 'withdrawn'"),
    ],
)
def test_no_step_carries_a_change_of_content_along(table, before, step, staged):
    request = staged[before]

    with refused("REQUEST_FROZEN"):
        table.update(request, f"{step}, volume = 99", approver=make.approver().id)


# ---- four eyes


def second_sign_in(request):
    return make.approver(person_id=request.submitter.person_id)


def switched_off(request):
    return make.approver(is_active=False)


def of_a_participant(request):
    return make.person(make.organisation(), "approver")


def of_a_regulator(request):
    return make.person(make.organisation("regulator"), "approver")


def of_a_suspended_registry(request):
    return make.person(make.organisation("registry", status="suspended"), "approver")


def in_role(role: str):
    def of_the_registry(request):
        return make.person(make.registry(), role)

    return of_the_registry


PEOPLE = {
    "the submitter": (lambda request: request.submitter, "SELF_APPROVAL"),
    "the submitter's second sign-in": (second_sign_in, "SELF_APPROVAL"),
    "an approver switched off": (switched_off, "ACTOR_NOT_AUTHORISED"),
    "an approver of a participant": (of_a_participant, "ACTOR_NOT_AUTHORISED"),
    "an approver of a regulator": (of_a_regulator, "ACTOR_NOT_AUTHORISED"),
    "an approver of a suspended registry": (of_a_suspended_registry, "ACTOR_NOT_AUTHORISED"),
    "nobody known": (lambda request: type("Nobody", (), {"id": uuid4()}), "ACTOR_NOT_AUTHORISED"),
    **{
        f"the registry's {role}": (in_role(role), "ACTOR_NOT_AUTHORISED")
        for role in ("operator", "submitter", "team_admin", "viewer", "auditor")
    },
}
DECISION = "status = %(status)s, approver_id = %(approver)s, decided_at = now()"


@pytest.mark.parametrize("status", ["approved", "rejected"])
@pytest.mark.parametrize("who", PEOPLE)
def test_only_another_person_who_is_an_active_approver_decides(committed_db, who, status, staged):
    request = staged["submitted"]
    find, name = PEOPLE[who]
    table = Table(committed_db, "portal_web")

    with refused(name):
        table.update(request, DECISION, status=status, approver=find(request).id)


@pytest.mark.parametrize("login", LOGINS)
def test_four_eyes_hold_for_every_login(committed_db, login, staged):
    request = staged["submitted"]
    table = Table(committed_db, login)

    with refused("SELF_APPROVAL"):
        table.update(request, DECISION, status="approved", approver=request.submitter_id)


def test_a_decision_names_who_took_it(table, staged):
    request = staged["submitted"]

    with refused("registry_request_checker_present"):
        table.update(request, "status = 'approved', decided_at = now()")


@pytest.mark.parametrize(
    "outcome",
    ["approver_id", "decided_at", "transaction_id", "executed_at", "failed_at", "withdrawn_at"],
)
def test_a_request_is_not_born_with_a_decision_or_an_outcome(table, outcome, staged):
    request = staged["draft"]
    values = {"approver_id": str(request.submitter_id), "transaction_id": 1}
    changes = {outcome: values.get(outcome, "2026-01-01T00:00Z")}

    with refused("REQUEST_TRANSITION_INVALID"):
        table.copy(request, idempotency_key=str(uuid4()), **changes)


@pytest.mark.parametrize("whom", ["person", "organisation"])
def test_nothing_is_approved_for_a_submitter_no_longer_active(committed_db, whom, staged):
    request = staged["submitted"]
    if whom == "person":
        request.submitter.is_active = False
        request.submitter.save()
    else:
        request.organisation.status = "suspended"
        request.organisation.save()
    table = Table(committed_db, "portal_web")

    with refused("ACTOR_NOT_AUTHORISED"):
        table.update(request, DECISION, status="approved", approver=make.approver().id)


@pytest.mark.parametrize("command", ["DELETE FROM", "TRUNCATE", "TRUNCATE TABLE ONLY"])
def test_a_request_is_kept(table, command):
    role = table.connection.execute("SELECT current_user").fetchone()[0]

    with refused("42501" if role == "portal_web" else "APPEND_ONLY_VIOLATION"):
        # CASCADE: a foreign key alone would stop the other.
        cascade = "CASCADE" if "TRUNCATE" in command else ""
        table.connection.execute(f"{command} public.registry_request {cascade}")


@pytest.mark.parametrize(
    "change",
    [
        "type = 'retirement'",
        "organisation_id = (SELECT id FROM public.registry_organisation WHERE kind = 'registry')",
        "id = gen_random_uuid()",
        "commodity_id = 1",
    ],
)
def test_an_account_stays_what_it_is(table, change):
    account = make.account()
    make.registry()

    with refused("ACCOUNT_TYPE_INVALID"):
        table.connection.execute(
            f"UPDATE public.registry_account SET {change} WHERE id = %s", (account.id,)
        )


@pytest.mark.parametrize(
    ("content", "name"),
    [("note", "IDEMPOTENCY_KEY_REUSED"), ("decision_reason", "registry_request_idempotency_uq")],
)
def test_a_key_stands_for_one_content(table, content, name, staged):
    request = staged["submitted"]

    with refused(name):
        table.copy(request, **{content: "other"})


def of_another_organisation(draft):
    return {"source_id": str(make.account().id)}


def an_expiry_by_a_participant(draft):
    return {"kind": "expire", "source_id": None}


def by_a_viewer(draft):
    return {"submitter_id": str(make.person(draft.organisation, "viewer").id)}


def by_somebody_switched_off(draft):
    return {"submitter_id": str(make.person(draft.organisation, is_active=False).id)}


def for_another_organisation(draft):
    return {"submitter_id": str(make.person(make.organisation()).id)}


def of_a_suspended_organisation(draft):
    draft.organisation.status = "suspended"
    draft.organisation.save()
    return {}


@pytest.mark.parametrize(
    "fault",
    [
        of_another_organisation,
        an_expiry_by_a_participant,
        by_a_viewer,
        by_somebody_switched_off,
        for_another_organisation,
        of_a_suspended_organisation,
    ],
)
def test_nobody_submits_what_is_not_theirs_to_ask(table, fault, staged):
    draft = staged["draft"]
    changes = {"idempotency_key": str(uuid4()), "status": "submitted", **fault(draft)}

    with refused("ACTOR_NOT_AUTHORISED"):
        table.copy(draft, **changes)
