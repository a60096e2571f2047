"""Facilities at the registry's desk: who sees them, their audits, and what they are issued for."""

from datetime import timedelta

import pytest

from registry import dates, services
from registry.models import Facility, FacilityAudit
from registry.selectors import log
from tests import make
from tests.portal.cast import decide, signed_in, somebody
from tests.portal.test_desk_organisations import seen, turned

NEW = {
    "organisation": "COB",
    "code": "COB-S1",
    "name": "Grid Solar",
    "region": "N",
    "technology": "Photovoltaic",
    "capacity_kw": "12,500",
    "commissioned_on": "1 May 1987",
}
AUDIT = {
    "audited_on": "3 Mar 2026",
    "auditor": "Prüfhaus",
    "outcome": "passed",
    "valid_until": "3 Mar 2029",
    "document": "AUD-1",
}


@pytest.fixture
def desk(cast):
    """An operator's browser."""
    return signed_in(make.operator())


def test_a_facility_is_registered_once_however_often_it_is_sent(cast, desk):
    answers = [desk.post("/facilities/new", NEW) for _ in range(2)]

    assert [each.headers["Location"] for each in answers] == ["/facilities/COB-S1"] * 2
    plant = Facility.objects.get(code="COB-S1")
    assert (plant.organisation, plant.region.code, plant.capacity_kw) == (cast.cobalt, "N", 12500)
    assert dates.write_day(plant.commissioned_on) == "1 May 1987"
    assert log.history(plant)[0].row["actor"] == make.operator().name


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("organisation", "", "Choose one from the list."),
        ("organisation", "REGISTRY", "Choose one from the list."),
        ("organisation", "\x00", "Choose one from the list."),
        ("code", "FG", "record with this code already"),
        ("region", "X", "Choose one from the list."),
        ("capacity_kw", "\uff11\uff10\uff10", "Type a whole number"),
        ("capacity_kw", "0", "Type a whole number"),
        ("capacity_kw", "9" * 19, "Type a whole number"),
        ("capacity_kw", "-5", "Type a whole number"),
        ("commissioned_on", "06/07/2020", "Type a date such as"),
        ("commissioned_on", "1 May 0001", "Type a date such as"),
    ],
)
def test_wrong_answers_are_named_and_the_others_are_kept(cast, desk, field, value, sentence):
    typed = NEW | {"name": "Kept as typed"} | {field: value}

    answer = desk.post("/facilities/new", typed)

    assert answer.status_code in (409, 422)
    assert sentence in answer.content.decode()
    assert answer.context["form"]["name"].value() == "Kept as typed"
    assert not Facility.objects.filter(name="Kept as typed").exists()


def test_a_facility_is_edited(cast, desk):
    make.region(code="S", name="South region")

    assert turned(desk, "/facilities/FG/edit", region="S", capacity_kw="").status_code == 302

    (changed, _) = log.history(cast.facility)
    assert [(each.label, each.before, each.after) for each in changed.fields] == [
        ("Region", "North region (N)", "South region (S)")
    ]


def test_an_edit_of_what_somebody_else_changed_is_stopped(cast, desk):
    mine = seen(desk, "/facilities/FG/edit")
    turned(desk, "/facilities/FG/suspend")

    answer = desk.post("/facilities/FG/edit", mine | {"name": "Mine"})

    assert answer.status_code == 409
    assert "Suspended" in answer.content.decode()
    assert not Facility.objects.filter(name="Mine").exists()


def test_nothing_is_issued_for_a_suspended_facility(cast, desk):
    plant = make.facility(cast.alder, code="F2", name="Second")
    item = make.mint_request(cast.source, 50, facility=plant, commodity=cast.commodity)
    assert f"until then: {item.number}." in desk.get("/facilities/F2/suspend").content.decode()

    turned(desk, "/facilities/F2/suspend")

    assert "F2" not in signed_in(cast.marsh).get("/requests/new/issue").context["form"].facilities
    page = signed_in(cast.approver).get(f"/approvals/{item.number}")
    assert page.context["preview"] is None
    done = services.execute_request(request_id=make.approve(item).id)
    assert (done.status, done.failure_code) == ("failed", "FACILITY_NOT_ACTIVE")


def test_a_reactivated_facility_is_issued_for_again(cast, desk):
    plant = make.facility(cast.alder, code="F2", name="Second")
    item = make.mint_request(cast.source, 50, facility=plant, commodity=cast.commodity)
    turned(desk, "/facilities/F2/suspend")
    turned(desk, "/facilities/F2/reactivate")

    assert decide(cast.approver, item).status == "executed"


def test_a_closed_facility_keeps_its_batches(cast, desk):
    turned(desk, "/facilities/FG/close")

    page = signed_in(cast.marsh).get("/facilities/FG")

    assert [batch["volume"] for batch in page.context["batches"]] == [1000]
    assert "/transactions/SOL-1" in page.content.decode()
    assert page.context["item"].status == "closed"


def test_an_audit_is_recorded_once_however_often_it_is_sent(cast, desk):
    answers = [desk.post("/facilities/FG/audit", AUDIT) for _ in range(2)]

    assert [each.status_code for each in answers] == [302, 302]
    audit = FacilityAudit.objects.get()
    assert (audit.facility, audit.auditor, audit.outcome) == (cast.facility, "Prüfhaus", "passed")
    cast.facility.refresh_from_db()
    assert cast.facility.audited_on == audit.audited_on
    assert "Prüfhaus" in signed_in(cast.marsh).get("/facilities/FG").content.decode()


def test_an_earlier_audit_does_not_hide_a_later_one(cast, desk):
    desk.post("/facilities/FG/audit", AUDIT)
    desk.post("/facilities/FG/audit", AUDIT | {"audited_on": "1 Jan 2020", "valid_until": ""})

    cast.facility.refresh_from_db()
    assert dates.write_day(cast.facility.audited_on) == "3 Mar 2026"


def test_another_audit_by_the_same_auditor_on_the_same_day_is_refused(cast, desk):
    desk.post("/facilities/FG/audit", AUDIT)

    answer = desk.post("/facilities/FG/audit", AUDIT | {"outcome": "failed"})

    assert answer.status_code == 409
    assert answer.context["form"].errors["audited_on"]
    assert FacilityAudit.objects.get().outcome == "passed"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("audited_on", "", "Type a date such as"),
        ("audited_on", "3 Mar 2199", "This date is in the future."),
        ("auditor", "", "Type the auditor."),
        ("outcome", "maybe", "Choose one from the list."),
        ("valid_until", "2 Mar 2026", "before the audit"),
    ],
)
def test_wrong_answers_about_an_audit_are_named(cast, desk, field, value, sentence):
    answer = desk.post("/facilities/FG/audit", AUDIT | {field: value})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not FacilityAudit.objects.exists()


def test_a_lapsed_audit_is_said(cast, desk):
    yesterday = dates.today() - timedelta(days=1)
    desk.post(
        "/facilities/FG/audit",
        AUDIT | {"audited_on": "1 Jan 2020", "valid_until": dates.write_day(yesterday)},
    )

    assert "no longer valid" in desk.get("/facilities/FG").content.decode()


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin"])
def test_an_organisation_sees_its_own_facilities_only(cast, role):
    make.facility(cast.cobalt, code="CG", name="Cobalt Solar")
    client = signed_in(somebody(cast, role))

    page = client.get("/facilities")

    assert [each.code for each in page.context["page"]] == ["FG"]
    assert "Cobalt" not in page.content.decode()
    assert client.get("/facilities/FG").status_code == 200
    assert client.get("/facilities/CG").status_code == 404
    assert client.get("/facilities/FG/edit").status_code == 403


def test_without_facilities_the_list_says_what_to_do(cast):
    text = signed_in(cast.cole).get("/facilities").content.decode()

    assert "The registry registers them" in text


def test_the_list_is_filtered_by_region_and_status(cast, desk):
    south = make.region(code="S", name="South region")
    make.facility(cast.cobalt, code="CG", name="Cobalt Solar", region=south)
    turned(desk, "/facilities/CG/suspend")

    def found(query):
        return [each.code for each in desk.get(f"/facilities?{query}").context["page"]]

    assert found("region__code=S") == ["CG"]
    assert found("status=suspended") == ["CG"]
    assert found("status=active&q=field") == ["FG"]
    assert found("organisation__code=COB") == ["CG", "FG"]


@pytest.mark.parametrize("before", ["x", "%00", "9" * 30, "\uff11"])
def test_an_odd_page_of_batches_is_the_first(cast, desk, before):
    page = desk.get(f"/facilities/FG?before={before}")

    assert [batch["volume"] for batch in page.context["batches"]] == [1000]
