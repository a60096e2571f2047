"""The log of the reference records: written by the database, whoever changes what, and for ever."""

import json
from datetime import date
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError

from ledgerdb import calls
from ledgerdb.errors import Refused
from registry import services
from registry.models import Account, Organisation, User
from registry.services import desk
from tests import make
from tests.ledger import look
from tests.ledger.forge import Forger, refused

RECORDS = (
    "organisation", "user", "account", "facility", "facilityaudit", "commodity", "region",
    "regionrule",
)  # fmt: skip


def entries(record: str, record_id: object) -> list[tuple]:
    """Return actor, reason, before and after of each entry, oldest first."""
    found = look.rows(
        "SELECT actor_id, reason, before, after FROM ledger.changes"
        " WHERE record = %s AND record_id = %s ORDER BY id",
        record,
        str(record_id),
    )
    # Django hands jsonb over as text.
    return [
        (actor, reason, json.loads(before or "null"), json.loads(after or "null"))
        for actor, reason, before, after in found
    ]


@pytest.fixture
def one_of_each(committed_db) -> dict[str, object]:
    """A record of each kind, added in an operator's name where the desk adds it."""
    operator = make.operator()
    organisation = desk.register_organisation(actor=operator, code="ACME", name="Acme")
    region, other = make.region(), make.region()
    facility = desk.register_facility(
        actor=operator, organisation=organisation, region=region, code="F-1", name="Fieldgate"
    )
    commodity = desk.register_commodity(actor=operator, code="SOL", name="Solar")
    return {
        "organisation": organisation,
        "user": make.person(organisation),
        "account": desk.register_account(
            actor=operator, organisation=organisation, code="ACME-01", type="trading"
        ),
        "facility": facility,
        "facilityaudit": desk.record_audit(
            actor=operator,
            facility=facility,
            audited_on=date(2026, 3, 1),
            auditor="Auditor",
            outcome="passed",
        ),
        "commodity": commodity,
        "region": region,
        "regionrule": desk.register_region_rule(
            actor=operator,
            commodity=commodity,
            from_region=region,
            to_region=other,
            valid_from=date(2026, 1, 1),
        ),
    }


@pytest.mark.parametrize("record", RECORDS)
def test_adding_a_record_of_any_kind_is_recorded(one_of_each, record):
    first, *_ = entries(record, one_of_each[record].pk)

    _, _, before, after = first
    assert before is None
    assert str(after["id"]) == str(one_of_each[record].pk)


def test_a_change_says_who_when_from_what_to_what_and_why(one_of_each, committed_db):
    operator, acme = make.operator(), one_of_each["organisation"]
    started = look.value("SELECT clock_timestamp()")

    with calls.acting(actor_id=operator.id, reason="As the court says."):
        Organisation.objects.filter(pk=acme.pk).update(name="Acme Limited", country="IE")

    actor, reason, before, after = entries("organisation", acme.pk)[-1]
    assert (actor, reason) == (operator.id, "As the court says.")
    assert (before["name"], before["country"]) == ("Acme", "")
    assert (after["name"], after["country"]) == ("Acme Limited", "IE")
    changed_at, login = look.rows(
        "SELECT changed_at, login FROM ledger.changes ORDER BY id DESC LIMIT 1"
    )[0]
    assert started <= changed_at <= look.value("SELECT clock_timestamp()")
    assert login == "portal_web"


def test_a_change_that_names_nobody_is_recorded_as_that_with_its_login(one_of_each, committed_db):
    account = one_of_each["account"]

    committed_db.connect("portal_web", autocommit=True).execute(
        "UPDATE public.registry_account SET status = 'suspended' WHERE id = %s", [account.pk]
    )

    actor, reason, before, after = entries("account", account.pk)[-1]
    assert (actor, reason, before["status"], after["status"]) == (None, "", "active", "suspended")


def test_the_owner_and_a_replica_are_recorded_too(one_of_each, committed_db):
    account = one_of_each["account"]

    for writer in ("ledger_owner", "replica"):
        forger = Forger(committed_db, writer)
        forger.run("UPDATE public.registry_account SET name = %s", writer)
        forger.commit()

    names = [after["name"] for *_, after in entries("account", account.pk)[-2:]]
    assert names == ["ledger_owner", "replica"]


def test_the_names_end_with_the_act(one_of_each, committed_db):
    acme = one_of_each["organisation"]
    with calls.acting(actor_id=make.operator().id, reason="Once."):
        pass

    Organisation.objects.filter(pk=acme.pk).update(name="Acme Limited")

    assert entries("organisation", acme.pk)[-1][:2] == (None, "")


def test_an_act_within_an_act_leaves_the_names_as_they_were(one_of_each, committed_db):
    acme, operator = one_of_each["organisation"], make.operator()
    other = make.person(make.registry(), "operator")

    with calls.acting(actor_id=operator.id, reason="Outer."):
        with calls.acting(actor_id=other.id, reason="Inner."):
            Organisation.objects.filter(pk=acme.pk).update(name="Inner")
        Organisation.objects.filter(pk=acme.pk).update(name="Outer")

    assert [each[:2] for each in entries("organisation", acme.pk)[-2:]] == [
        (other.id, "Inner."),
        (operator.id, "Outer."),
    ]


def test_what_changes_nothing_is_not_recorded(one_of_each, committed_db):
    acme = one_of_each["organisation"]

    Organisation.objects.filter(pk=acme.pk).update(name=acme.name)

    assert len(entries("organisation", acme.pk)) == 1


def test_an_act_that_fails_leaves_no_entry(one_of_each, committed_db):
    acme = one_of_each["organisation"]

    def act():
        with calls.acting(actor_id=make.operator().id):
            Organisation.objects.filter(pk=acme.pk).update(name="Never")
            Organisation.objects.filter(pk=acme.pk).update(kind="bank")

    with pytest.raises(IntegrityError):
        act()

    assert len(entries("organisation", acme.pk)) == 1


def test_passwords_and_sign_ins_are_never_in_the_log(one_of_each, committed_db):
    person = one_of_each["user"]

    User.objects.filter(pk=person.pk).update(password="secret", last_login="2026-01-01T00:00Z")
    User.objects.filter(pk=person.pk).update(role="viewer")

    (_, _, _, added), (_, _, before, after) = entries("user", person.pk)
    assert (before["role"], after["role"]) == ("submitter", "viewer")
    assert not {"password", "last_login", "ledger_lock"} & {*added, *after}


@pytest.mark.parametrize("who", ["submitter", "approver", "auditor", "left", "nobody known"])
def test_only_an_active_operator_is_named_as_changing_records(one_of_each, committed_db, who):
    people = {
        "submitter": lambda: make.person(one_of_each["organisation"], "submitter").id,
        "approver": lambda: make.approver().id,
        "auditor": lambda: make.person(make.organisation("regulator"), "auditor").id,
        "left": lambda: make.person(make.registry(), "operator", is_active=False).id,
        "nobody known": uuid4,
    }
    actor = people[who]()

    with pytest.raises(Refused, match="ACTOR_NOT_AUTHORISED"), calls.acting(actor_id=actor):
        Account.objects.filter(pk=one_of_each["account"].pk).update(status="suspended")

    assert len(entries("account", one_of_each["account"].pk)) == 1


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_is_not_added_in_a_strangers_name(one_of_each, committed_db, record):
    connection = committed_db.connect("portal_web")
    connection.execute("SELECT set_config('ledger.actor', %s, true)", [str(uuid4())])
    model = type(one_of_each[record])
    copied = [field.column for field in model._meta.concrete_fields]
    table = model._meta.db_table
    columns = ", ".join(copied)
    values = ", ".join(
        (
            "gen_random_uuid()"
            if model._meta.pk.get_internal_type() == "UUIDField"
            else f"nextval(pg_get_serial_sequence('public.{table}', 'id'))"
        )
        if column == "id"
        else column
        for column in copied
    )

    with refused("ACTOR_NOT_AUTHORISED"):
        connection.execute(
            f"INSERT INTO public.{table} ({columns}) SELECT {values} FROM public.{table} LIMIT 1"
        )


def test_a_team_admin_is_named_as_changing_people(one_of_each, committed_db):
    admin = make.person(one_of_each["organisation"], "team_admin")

    with calls.acting(actor_id=admin.id, reason="Left the firm."):
        User.objects.filter(pk=one_of_each["user"].pk).update(is_active=False)

    assert entries("user", one_of_each["user"].pk)[-1][:2] == (admin.id, "Left the firm.")


def test_somebody_unknown_is_not_named_as_changing_people(one_of_each, committed_db):
    with pytest.raises(Refused, match="ACTOR_NOT_AUTHORISED"), calls.acting(actor_id=uuid4()):
        User.objects.filter(pk=one_of_each["user"].pk).update(is_active=False)


LOG = {
    "add to it": "INSERT INTO ledger.changes (changed_at, written_in, login, reason, record,"
    " record_id, after) VALUES (now(), pg_current_xact_id(), 'x', '', 'account', '1', '{}')",
    "rewrite it": "UPDATE ledger.changes SET reason = 'another'",
    "forget some of it": "DELETE FROM ledger.changes",
    "forget it": "TRUNCATE ledger.changes",
    "switch it off": "ALTER TABLE public.registry_account DISABLE TRIGGER registry_account_logged",
    "write as it is written": "SET ROLE ledger_recorder",
}


@pytest.mark.parametrize("attack", LOG)
@pytest.mark.parametrize("login", ["portal_web", "ledger_auditor", "ledger_service"])
def test_no_login_writes_the_log(one_of_each, committed_db, login, attack):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect(login).execute(LOG[attack])


@pytest.mark.parametrize("writer", ["ledger_owner", "replica"])
@pytest.mark.parametrize("attack", ["rewrite it", "forget some of it", "forget it"])
def test_the_log_is_never_rewritten(one_of_each, committed_db, writer, attack):
    with refused("APPEND_ONLY_VIOLATION"):
        Forger(committed_db, writer).run(LOG[attack])


@pytest.mark.parametrize("writer", ["ledger_owner", "replica"])
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize(
    "command", ["DELETE FROM public.registry_{}", "TRUNCATE public.registry_{} CASCADE"]
)
def test_a_record_is_never_removed(one_of_each, committed_db, writer, record, command):
    with refused("APPEND_ONLY_VIOLATION"):
        Forger(committed_db, writer).run(command.format(record))


@pytest.mark.parametrize("writer", ["ledger_owner", "replica"])
def test_what_an_auditor_found_is_never_changed(one_of_each, committed_db, writer):
    with refused("APPEND_ONLY_VIOLATION"):
        Forger(committed_db, writer).run(
            "UPDATE public.registry_facilityaudit SET outcome = 'failed'"
        )


def test_the_pages_cannot_change_what_an_auditor_found(one_of_each, committed_db):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect("portal_web").execute(
            "UPDATE public.registry_facilityaudit SET outcome = 'failed'"
        )


def test_requests_and_executions_leave_no_entry(committed_db):
    source, target = make.account(holding=100), make.account()
    make.approver()
    request = make.transfer_request(source, target, 30)
    before = look.value("SELECT count(*) FROM ledger.changes")

    done = services.execute_request(request_id=make.approve(request).id)

    assert done.status == "executed"
    assert look.value("SELECT count(*) FROM ledger.changes") == before
