"""Commodities, regions and policies at the registry's desk: rules as data."""

from datetime import timedelta

import pytest

from registry import dates
from registry.models import Account, Commodity, Region, RegionRule
from registry.selectors import log
from tests import make
from tests.portal.cast import signed_in, somebody
from tests.portal.test_desk_organisations import seen, turned

NEW = {
    "code": "GAS",
    "name": "Biomethane",
    "unit": "MWh",
    "unit_per_certificate": "1",
    "time_zone": "Europe/Amsterdam",
    "transferable": "on",
    "retirable": "on",
    "months_transferable": "12",
    "months_to_expiry": "18",
}


@pytest.fixture
def desk(cast):
    """An operator's browser."""
    return signed_in(make.operator())


def sent(client, path, **answers):
    """Send a form as a browser does: a box that is not ticked is not sent."""
    kept = {name: value for name, value in seen(client, path).items() if value is not False}
    mine = {**kept, "reason": "As decided.", **answers}
    return client.post(path, {name: value for name, value in mine.items() if value is not None})


def test_a_commodity_is_defined_with_its_system_accounts(cast, desk):
    answers = [desk.post("/commodities/new", NEW) for _ in range(2)]

    assert [each.headers["Location"] for each in answers] == ["/commodities/GAS"] * 2
    gas = Commodity.objects.get(code="GAS")
    assert (gas.time_zone, gas.reassignable, gas.months_transferable) == (
        "Europe/Amsterdam",
        False,
        12,
    )
    assert Account.objects.filter(commodity=gas).count() == 2


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("code", "SOL", "record with this code already"),
        ("time_zone", "Mars/Olympus", "Choose one from the list."),
        ("unit_per_certificate", "0", "Type a whole number from 1"),
        ("unit_per_certificate", "9999999999", "Type a whole number from 1"),
        ("months_transferable", "19", "Transfers end before"),
        ("months_to_expiry", "\uff11\uff18", "Type a whole number"),
        ("months_to_expiry", "40000", "Type a whole number"),
    ],
)
def test_wrong_rules_are_named(cast, desk, field, value, sentence):
    answer = desk.post("/commodities/new", NEW | {field: value})

    assert answer.status_code in (409, 422)
    assert sentence in answer.content.decode()
    assert answer.context["form"]["name"].value() == "Biomethane"
    assert not Commodity.objects.filter(code="GAS").exists()


def test_a_code_whose_accounts_are_taken_is_named(cast, desk):
    make.account(code="GAS-EXPIRY")

    answer = desk.post("/commodities/new", NEW)

    assert answer.status_code == 409
    assert answer.context["form"].errors["code"]
    assert not Commodity.objects.filter(code="GAS").exists()


def test_rules_are_changed_with_a_reason(cast, desk):
    assert sent(desk, "/commodities/SOL/edit", months_to_expiry="24").status_code == 302

    entry = log.history(cast.commodity)[0]
    assert entry.row["reason"] == "As decided."
    assert [(each.label, each.before, each.after) for each in entry.fields] == [
        ("Months to expiry", "empty", "24")
    ]
    assert sent(desk, "/commodities/SOL/edit", reason="").status_code == 422


def test_a_box_that_is_unticked_is_a_rule_that_is_off(cast, desk):
    sent(desk, "/commodities/SOL/edit", transferable=None)

    cast.commodity.refresh_from_db()
    assert (cast.commodity.transferable, cast.commodity.retirable) == (False, True)


def test_once_issued_what_a_certificate_stands_for_is_shown_and_not_asked(cast, desk):
    page = desk.get("/commodities/SOL/edit")

    assert not {"code", "unit", "unit_per_certificate", "time_zone"} & set(
        page.context["form"].fields
    )
    sent(desk, "/commodities/SOL/edit", unit="kWh", time_zone="Europe/Prague")
    cast.commodity.refresh_from_db()
    assert (cast.commodity.unit, cast.commodity.time_zone) == ("MWh", "UTC")


def test_what_was_issued_while_the_form_was_open_stops_the_change_by_name(cast, desk):
    gas = make.commodity(code="GAS", name="Gas")
    mine = {name: value for name, value in seen(desk, "/commodities/GAS/edit").items() if value}
    make.mint(cast.source, 5, commodity=gas, facility=make.facility(cast.alder))

    # The form of something that was issued no longer takes it; the database would not either.
    answer = desk.post("/commodities/GAS/edit", mine | {"unit": "kWh", "reason": "x"})

    gas.refresh_from_db()
    assert answer.status_code == 302
    assert gas.unit == "MWh"


def test_rules_that_somebody_else_changed_are_shown(cast, desk):
    mine = {name: value for name, value in seen(desk, "/commodities/SOL/edit").items() if value}
    sent(desk, "/commodities/SOL/edit", months_to_expiry="24")

    answer = desk.post("/commodities/SOL/edit", mine | {"name": "Mine", "reason": "x"})

    assert answer.status_code == 409
    assert "Months to expiry" in answer.content.decode()


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin", "approver", "auditor"])
def test_everybody_reads_the_rules_and_nobody_else_changes_them(cast, role):
    client = signed_in(somebody(cast, role))

    assert client.get("/commodities").status_code == 200
    assert client.get("/commodities/SOL").status_code == 200
    for path in ("/commodities/new", "/commodities/SOL/edit", "/commodities/SOL/policy"):
        assert client.get(path).status_code == 403
        assert client.post(path, NEW).status_code == 403


def test_an_organisation_reads_the_rules_and_not_who_changed_them_or_how_much_there_is(cast):
    page = signed_in(cast.marsh).get("/commodities/SOL")

    assert page.context["history"] == []
    assert page.context["total"] is None


def test_an_unknown_commodity_is_not_found(cast, desk):
    for code in ("NONE", "%00", "sol"):
        assert desk.get(f"/commodities/{code}").status_code == 404


# ---- regions and policies


@pytest.fixture
def south(cast):
    """Another region than the North."""
    return make.region(code="S", name="South region")


@pytest.fixture
def policy(south):
    """From North to South, from today on."""
    return {
        "from_region": "N",
        "to_region": "S",
        "valid_from": dates.write_day(dates.today()),
        "valid_to": "",
    }


def test_a_region_is_added_once(cast, desk):
    for _ in range(2):
        assert desk.post("/regions/new", {"code": "W", "name": "West"}).status_code == 302
    assert desk.post("/regions/new", {"code": "W", "name": "Else"}).status_code == 409
    assert Region.objects.get(code="W").name == "West"


def test_a_change_of_region_is_allowed_and_ended(cast, desk, policy):
    sent(desk, "/commodities/SOL/edit", reassignable="on")
    for _ in range(2):
        assert desk.post("/commodities/SOL/policy", policy).status_code == 302
    rule = RegionRule.objects.get()
    assert "Allowed" in desk.get("/commodities/SOL").content.decode()

    last = dates.today() + timedelta(days=9)
    path = f"/commodities/SOL/policy/{rule.id}/end"
    assert turned(desk, path, valid_to=dates.write_day(last)).status_code == 302

    rule.refresh_from_db()
    assert rule.valid_to == last
    assert log.history(rule)[0].row["reason"] == "As decided."


def test_a_policy_does_not_end_in_the_past(cast, desk, policy):
    desk.post("/commodities/SOL/policy", policy)
    path = f"/commodities/SOL/policy/{RegionRule.objects.get().id}/end"

    answer = turned(desk, path, valid_to=dates.write_day(dates.today() - timedelta(days=1)))

    assert answer.status_code == 422
    assert "the past stays as it was" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("from_region", "", "Choose one from the list."),
        ("to_region", "N", "Choose another region"),
        ("to_region", "X", "Choose one from the list."),
        ("valid_from", "", "Type a date such as"),
        ("valid_to", "1 Jan 2020", "before it starts"),
    ],
)
def test_wrong_policies_are_named(cast, desk, policy, field, value, sentence):
    answer = desk.post("/commodities/SOL/policy", policy | {field: value})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not RegionRule.objects.exists()


def test_a_second_policy_from_the_same_day_is_refused(cast, desk, policy):
    desk.post("/commodities/SOL/policy", policy)

    answer = desk.post("/commodities/SOL/policy", policy | {"valid_to": "1 Jan 2199"})

    assert answer.status_code == 409
    assert answer.context["form"].errors["valid_from"]


def test_a_policy_of_another_commodity_is_not_found(cast, desk, policy):
    desk.post("/commodities/SOL/policy", policy)
    make.commodity(code="GAS", name="Gas")
    number = RegionRule.objects.get().id

    for path in (f"GAS/policy/{number}/end", f"SOL/policy/{10**30}/end", "SOL/policy/999/end"):
        assert desk.get(f"/commodities/{path}").status_code == 404
