"""Reference records, and the rules that hold for them in the database."""

from datetime import date

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError

from registry import services
from registry.models import Account, Commodity, Region, User
from tests import make


def test_an_organisation_is_an_active_participant_unless_told_otherwise(committed_db):
    added = services.add_organisation(code="ACME", name="Acme")

    assert (added.kind, added.status) == ("participant", "active")


@pytest.mark.parametrize(("field", "value"), [("kind", "bank"), ("status", "sleeping")])
def test_an_organisation_is_of_a_known_kind_and_status(committed_db, field, value):
    with pytest.raises(IntegrityError, match=f"registry_organisation_{field}_ck"):
        services.add_organisation(**{"code": "ACME", "name": "Acme", field: value})


def test_two_organisations_do_not_share_a_code(committed_db):
    services.add_organisation(code="ACME", name="Acme")

    with pytest.raises(IntegrityError):
        services.add_organisation(code="ACME", name="Another")


def test_a_person_signs_in_with_their_password(committed_db):
    person = make.person(make.organisation(), password=make.PASSWORD)

    assert authenticate(None, username=person.email, password=make.PASSWORD) == person
    assert authenticate(None, username=person.email, password="something else") is None


def test_a_person_without_a_password_cannot_sign_in(committed_db):
    person = make.person(make.organisation())

    assert not person.has_usable_password()
    assert authenticate(None, username=person.email, password="") is None


def test_an_address_belongs_to_one_person_whatever_its_case(committed_db):
    make.person(make.organisation(), email="somebody@example.org")

    with pytest.raises(IntegrityError):
        make.person(make.organisation(), email="Somebody@Example.org")


def test_a_role_is_a_known_one(committed_db):
    with pytest.raises(IntegrityError, match="registry_user_role_ck"):
        make.person(make.organisation(), "superuser")


def test_a_person_is_found_by_address_whatever_its_case(committed_db):
    person = make.person(make.organisation(), email="somebody@example.org")

    assert User.objects.get_by_natural_key("SOMEBODY@example.org") == person


def test_a_commodity_comes_with_its_two_system_accounts(committed_db):
    commodity = services.define_commodity(code="SOL", name="Solar")

    accounts = Account.objects.filter(commodity=commodity).order_by("type")
    assert [(account.type, account.code, account.organisation) for account in accounts] == [
        ("expiry", "SOL-EXPIRY", None),
        ("issuance", "SOL-ISSUANCE", None),
    ]


def test_a_commodity_has_one_system_account_of_a_type(committed_db):
    commodity = make.commodity()

    with pytest.raises(IntegrityError, match="registry_account_one_per_commodity_uq"):
        Account.objects.create(code="SECOND", type="issuance", commodity=commodity)


def test_a_commodity_that_cannot_be_defined_leaves_nothing_behind(committed_db):
    services.open_account(organisation=make.organisation(), code="SOL-EXPIRY")

    with pytest.raises(IntegrityError):
        services.define_commodity(code="SOL", name="Solar")
    assert not Commodity.objects.filter(code="SOL").exists()
    assert not Account.objects.filter(code="SOL-ISSUANCE").exists()


@pytest.mark.parametrize(
    ("rules", "constraint"),
    [
        ({"unit_per_certificate": 0}, "registry_commodity_unit_positive_ck"),
        (
            {"months_transferable": 18, "months_to_expiry": 12},
            "registry_commodity_transfer_ends_before_expiry_ck",
        ),
    ],
)
def test_rules_that_contradict_themselves_are_refused(committed_db, rules, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        services.define_commodity(code="SOL", name="Solar", **rules)


def test_a_trading_and_a_retirement_account_belong_to_an_organisation(committed_db):
    for type_ in ("trading", "retirement"):
        with pytest.raises(IntegrityError, match="registry_account_owner_ck"):
            Account.objects.create(code=f"NOBODYS-{type_}", type=type_)


def test_a_system_account_belongs_to_a_commodity(committed_db):
    with pytest.raises(IntegrityError, match="registry_account_owner_ck"):
        services.open_account(organisation=make.organisation(), code="ODD", type="issuance")


@pytest.mark.parametrize(("field", "value"), [("type", "savings"), ("status", "frozen")])
def test_an_account_is_of_a_known_type_and_status(committed_db, field, value):
    with pytest.raises(IntegrityError, match=r"registry_account_(type|status|owner)_ck"):
        services.open_account(**{"organisation": make.organisation(), "code": "ODD", field: value})


def test_an_accounts_lock_column_holds_nothing(committed_db):
    with pytest.raises(IntegrityError, match="registry_account_ledger_lock_ck"):
        services.open_account(organisation=make.organisation(), code="ODD", ledger_lock=1)


def test_a_facility_stands_in_a_region_and_has_an_owner(committed_db):
    owner, region = make.organisation(), make.region()

    plant = services.add_facility(
        organisation=owner, region=region, code="SUN-1", name="Sun One", technology="solar"
    )

    assert (plant.organisation, plant.region, plant.status) == (owner, region, "active")


def test_a_facility_is_of_a_known_status(committed_db):
    with pytest.raises(IntegrityError, match="registry_facility_status_ck"):
        make.facility(make.organisation(), status="broken")


def test_a_region_rule_leads_somewhere_else(committed_db):
    region = make.region()

    with pytest.raises(IntegrityError, match="registry_regionrule_regions_differ_ck"):
        services.allow_region_change(
            commodity=make.commodity(),
            from_region=region,
            to_region=region,
            valid_from=date(2026, 1, 1),
        )


def test_a_region_rule_ends_after_it_starts(committed_db):
    with pytest.raises(IntegrityError, match="registry_regionrule_dates_ordered_ck"):
        services.allow_region_change(
            commodity=make.commodity(),
            from_region=make.region(),
            to_region=make.region(),
            valid_from=date(2026, 2, 1),
            valid_to=date(2026, 1, 31),
        )


def test_a_region_has_its_code_once(committed_db):
    services.add_region(code="CZ", name="Czechia")

    with pytest.raises(IntegrityError):
        services.add_region(code="CZ", name="Another")
    assert Region.objects.get(code="CZ").name == "Czechia"
