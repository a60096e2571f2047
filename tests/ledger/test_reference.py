"""What may not become of a reference record: held by the database, by name."""

import psycopg
import pytest

from ledgerdb import calls
from ledgerdb.errors import Refused, translated
from registry import services
from registry.models import Account, Commodity, Facility, Region
from tests import make
from tests.ledger import look
from tests.ledger.forge import Forger, refused
from tests.together import outcome, while_held


def change(record, **fields):
    """Change a record past every service."""
    with translated():
        type(record)._default_manager.filter(pk=record.pk).update(**fields)
    record.refresh_from_db()


def saying(database, statement, *values):
    """Return an act of the pages: run a statement, and say what came of it."""

    def act():
        with psycopg.connect(database.dsn("portal_web"), autocommit=True) as connection:
            try:
                connection.execute(statement, values)
            except psycopg.Error as error:
                return outcome(error)
            return "done"

    return act


# ---- codes


def records() -> dict:
    owner = make.organisation()
    return {
        "organisation": owner,
        "account": make.account(organisation=owner),
        "facility": make.facility(owner),
        "commodity": make.commodity(),
        "region": Region.objects.first(),
    }


@pytest.mark.parametrize("kind", ["organisation", "account", "facility", "commodity", "region"])
@pytest.mark.parametrize("writer", ["portal_web", "ledger_owner", "replica"])
def test_a_code_is_for_ever(committed_db, kind, writer):
    record = records()[kind]
    statement = f"UPDATE public.registry_{kind} SET code = 'OTHER' WHERE id = %s"

    with refused("RECORD_FIXED"):
        if writer == "portal_web":
            committed_db.connect(writer).execute(statement, [record.pk])
        else:
            Forger(committed_db, writer).run(statement, record.pk)


# ---- time zones


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "Asia/Kolkata", "Etc/GMT-3"])
def test_a_time_zone_of_the_world_is_taken(committed_db, zone):
    assert make.commodity(time_zone=zone).time_zone == zone


NO_ZONE = [
    "Mars/Olympus", "europe/amsterdam", "CET+1", "+02", "", "localtime", "posix/Europe/Prague",
    "Factory", "GMT+99",
]  # fmt: skip


@pytest.mark.parametrize("zone", NO_ZONE)
def test_a_time_zone_that_is_none_is_refused_by_name(committed_db, zone):
    with pytest.raises(Refused, match="TIME_ZONE_UNKNOWN"):
        make.commodity(code="ODD", time_zone=zone)
    assert not Account.objects.filter(code__startswith="ODD").exists()

    known = make.commodity()
    with pytest.raises(Refused, match="TIME_ZONE_UNKNOWN"):
        change(known, time_zone=zone)


# ---- what is fixed once something was issued

FIXED = {"unit": "kWh", "unit_per_certificate": 2, "time_zone": "Europe/Prague"}
FREE = {
    "name": "Another",
    "transferable": False,
    "retirable": False,
    "reassignable": True,
    "periods_may_overlap": True,
    "months_transferable": 6,
    "months_to_expiry": 9,
}


@pytest.mark.parametrize("field", FIXED)
def test_what_a_certificate_stands_for_is_fixed_once_one_was_issued(committed_db, field):
    commodity = make.commodity()
    change(commodity, **{field: FIXED[field]})
    make.mint(make.account(), 5, commodity=commodity)

    with pytest.raises(Refused, match="RECORD_FIXED"):
        change(commodity, **{field: getattr(Commodity(), field)})

    commodity.refresh_from_db()
    assert getattr(commodity, field) == FIXED[field]


@pytest.mark.parametrize("field", FREE)
def test_a_rule_for_what_is_to_come_may_change(committed_db, field):
    commodity = make.commodity()
    make.mint(make.account(), 5, commodity=commodity)

    change(commodity, **{field: FREE[field]})

    assert getattr(commodity, field) == FREE[field]


def test_a_mint_under_way_is_waited_for(committed_db):
    account, commodity = make.account(), make.commodity()
    request = make.approve(make.mint_request(account, 5, commodity=commodity))
    minting = committed_db.connect("ledger_service")
    minting.execute("SELECT ledger_api.mint(%s, %s)", (request.id, request.approver_id))
    act = saying(
        committed_db,
        "UPDATE public.registry_commodity SET unit = 'kWh' WHERE id = %s",
        commodity.pk,
    )

    assert while_held(committed_db, minting, act) == ["RECORD_FIXED"]


# ---- suspended organisations


@pytest.mark.parametrize("writer", ["portal_web", "ledger_owner", "replica"])
def test_with_an_organisation_its_active_accounts_are_suspended(committed_db, writer):
    one, other = make.account(), make.account()
    closed = make.account(organisation=one.organisation, status="closed")
    statement = "UPDATE public.registry_organisation SET status = 'suspended' WHERE id = %s"

    if writer == "portal_web":
        connection = committed_db.connect(writer, autocommit=True)
        connection.execute(statement, [one.organisation_id])
    else:
        forger = Forger(committed_db, writer)
        forger.run(statement, one.organisation_id)
        forger.commit()

    statuses = []
    for account in (one, other, closed):
        account.refresh_from_db()
        statuses.append(account.status)
    assert statuses == ["suspended", "active", "closed"]


def test_no_account_of_a_suspended_organisation_becomes_active(committed_db):
    account = make.account()
    change(account.organisation, status="suspended")

    with pytest.raises(Refused, match="ORGANISATION_SUSPENDED"):
        change(account, status="active")
    with pytest.raises(Refused, match="ORGANISATION_SUSPENDED"):
        services.open_account(organisation=account.organisation, code="LATE")


def test_an_account_that_is_being_opened_is_not_missed(committed_db):
    organisation = make.organisation()
    opening = committed_db.connect("portal_web")
    opening.execute(
        "INSERT INTO public.registry_account (id, code, name, type, status, organisation_id,"
        " opened_at) VALUES (gen_random_uuid(), 'LATE', '', 'trading', 'active', %s, now())",
        [organisation.pk],
    )
    act = saying(
        committed_db,
        "UPDATE public.registry_organisation SET status = 'suspended' WHERE id = %s",
        organisation.pk,
    )

    assert while_held(committed_db, opening, act) == ["done"]
    assert Account.objects.get(code="LATE").status == "suspended"


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("moment", ["before the approval", "after the approval"])
def test_nothing_moves_from_or_to_a_suspended_organisation(committed_db, side, moment):
    source, target = make.account(holding=100), make.account()
    request = make.transfer_request(source, target, 30)
    if moment == "after the approval":
        request = make.approve(request)
    change({"source": source, "target": target}[side].organisation, status="suspended")

    refusal = "ACTOR_NOT_AUTHORISED" if side == "source" else "ACCOUNT_NOT_ACTIVE"
    if moment == "before the approval":
        with pytest.raises(Refused, match="ACCOUNT_NOT_ACTIVE"):
            services.preview_request(request.id)
    if moment == "before the approval" and side == "source":
        # The submitter is no longer one: not even the approval is recorded.
        with pytest.raises(Refused, match=refusal):
            make.approve(request)
        return
    if moment == "before the approval":
        request = make.approve(request)
    assert look.outcome(request) == refusal
    assert look.balance(source) == 100


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_transfer_that_the_registry_asked_for_moves_nothing_either(committed_db, side):
    source, target = make.account(holding=100), make.account()
    operator = make.operator()
    request = make.approve(
        make.request("transfer", operator, source=source, target=target, volume=30)
    )
    change({"source": source, "target": target}[side].organisation, status="suspended")

    assert look.outcome(request) == "ACCOUNT_NOT_ACTIVE"


def test_nothing_is_issued_to_a_suspended_organisation(committed_db):
    target = make.account()
    request = make.approve(make.mint_request(target, 5))
    change(target.organisation, status="suspended")

    assert look.outcome(request) == "ACTOR_NOT_AUTHORISED"


def test_nothing_is_issued_for_a_suspended_facility(committed_db):
    target = make.account()
    plant = make.facility(target.organisation)
    request = make.approve(make.mint_request(target, 5, facility=plant))
    Facility.objects.filter(pk=plant.pk).update(status="suspended")

    assert look.outcome(request) == "FACILITY_NOT_ACTIVE"


def test_nobody_suspends_their_own_organisation(committed_db):
    operator = make.operator()

    with (
        pytest.raises(Refused, match="ACTOR_NOT_AUTHORISED"),
        calls.acting(actor_id=operator.id, reason="Closing time."),
    ):
        type(operator.organisation).objects.update(status="suspended")

    operator.organisation.refresh_from_db()
    assert operator.organisation.status == "active"


# ---- closing


def test_an_account_that_holds_something_is_not_closed(committed_db):
    account = make.account(holding=5)

    with pytest.raises(Refused, match="ACCOUNT_NOT_EMPTY"):
        change(account, status="closed")


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("approved", [False, True])
def test_an_account_with_open_requests_is_not_closed(committed_db, side, approved):
    source, target = make.account(), make.account()
    holder = make.account(holding=5)
    request = (
        make.transfer_request(source, holder, 3)
        if side == "source"
        else make.transfer_request(holder, target, 3)
    )
    if approved:
        make.approve(request)

    with pytest.raises(Refused, match="ACCOUNT_HAS_REQUESTS"):
        change(source if side == "source" else target, status="closed")


def test_an_empty_account_is_closed_for_good(committed_db):
    account, other = make.account(holding=5), make.account()
    make.transfer(account, other, 5)

    change(account, status="closed")

    for status in ("active", "suspended"):
        with pytest.raises(Refused, match="RECORD_FIXED"):
            change(account, status=status)


def test_a_transfer_under_way_is_waited_for_before_an_account_is_closed(committed_db):
    source, target = make.account(holding=5), make.account()
    request = make.approved_transfer(source, target, 5)
    moving = committed_db.connect("ledger_service")
    moving.execute("SELECT ledger_api.transfer(%s, %s)", (request.id, request.approver_id))
    act = saying(
        committed_db,
        "UPDATE public.registry_account SET status = 'closed' WHERE id = %s",
        target.pk,
    )

    assert while_held(committed_db, moving, act) == ["ACCOUNT_NOT_EMPTY"]


@pytest.mark.parametrize("writer", ["ledger_check", "ledger_recorder"])
def test_who_guards_and_records_changes_nothing_else_of_a_record(committed_db, writer):
    account = make.account()
    forger = Forger(committed_db, writer)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        forger.run("UPDATE public.registry_account SET name = 'x' WHERE id = %s", account.pk)


def test_the_column_that_lets_a_guard_lock_an_organisation_says_nothing(committed_db):
    organisation = make.organisation()

    with refused("registry_organisation_ledger_lock_ck"):
        Forger(committed_db, "ledger_check").run(
            "UPDATE public.registry_organisation SET ledger_lock = 1 WHERE id = %s",
            organisation.pk,
        )
