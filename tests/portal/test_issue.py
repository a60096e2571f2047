"""An issue in two screens."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from registry import dates
from registry.models import Request
from tests import make
from tests.portal.cast import decide, last_request, same_key, send, signed_in, somebody

NEW = "/requests/new/issue"


@pytest.fixture
def answers(cast):
    """What Fieldgate made in February, filled in."""
    return {
        "facility": "FG",
        "target": "ALD-01",
        "commodity": "SOL",
        "volume": "250",
        "production_start": "Feb 2026",
        "production_end": "",
        "source_serial": "",
        "note": "",
        "key": same_key(),
    }


def issues_of(person):
    return Request.objects.filter(kind="mint", submitter=person)


def test_two_people_issue_for_a_facility(cast, answers):
    item = send(cast.marsh, NEW, answers | {"source_serial": "GO-77"})
    assert item.status == "submitted"

    done = decide(cast.approver, item)

    assert (done.status, done.failure_code) == ("executed", "")
    assert (done.facility, done.target, done.commodity) == (
        cast.facility,
        cast.source,
        cast.commodity,
    )
    assert (done.volume, done.source_serial) == (250, "GO-77")
    assert (done.production_start, done.production_end) == (date(2026, 2, 1), date(2026, 2, 28))


def test_the_check_shows_the_batch_and_ones_own_balance(cast, answers):
    client = signed_in(cast.marsh)
    page = client.get(client.post(NEW, answers).headers["Location"])

    preview, text = page.context["preview"], page.content.decode()
    assert preview["consumed"] == []
    assert [(b["first"], b["last"], b["account"]) for b in preview["created"]] == [
        (1001, 1250, "ALD-01")
    ]
    assert [(b["account"], b["before"], b["after"]) for b in preview["balances"]] == [
        ("ALD-01", 1000, 1250)
    ]
    assert "Submit issue of 250" in text
    assert "1 Feb 2026" in text
    assert "28 Feb 2026" in text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"facility": ""}, "Choose one from the list."),
        ({"facility": "NONE"}, "Choose one from the list."),
        ({"target": "COB-01"}, "Choose one from the list."),
        ({"commodity": "XXX"}, "Choose one from the list."),
        ({"volume": ""}, "Say how many"),
        ({"volume": "2.5"}, "Type a whole number"),
        ({"production_start": ""}, "Type a date such as"),
        ({"production_start": "02/03/2026"}, "Type a date such as"),
        ({"production_start": "3 Feb 2026"}, "Say when it ended."),
        ({"production_end": "Jan 2026"}, "before it began"),
    ],
)
def test_wrong_answers_are_named_and_the_others_are_kept(cast, answers, wrong, sentence):
    typed = answers | {"note": "Kept as typed", "source_serial": "GO-77"} | wrong

    answer = signed_in(cast.marsh).post(NEW, typed)

    form = answer.context["form"]
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert {name: form[name].value() for name in typed if name != "key"} == {
        name: value for name, value in typed.items() if name != "key"
    }
    assert not issues_of(cast.marsh).filter(note="Kept as typed").exists()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"production_start": "Jan 2999"}, {"production_start"}),
        ({"production_start": "1 Feb 2026", "production_end": "31 Dec 2999"}, {"production_end"}),
    ],
)
def test_a_period_that_has_not_ended_is_named_by_the_date_that_was_typed(
    cast, answers, wrong, named
):
    page = signed_in(cast.marsh).post(NEW, answers | wrong)

    assert page.status_code == 422
    assert set(page.context["form"].errors) == named
    assert "This period has not ended yet." in page.content.decode()


def test_what_the_ledger_refuses_comes_back_by_name_with_what_was_issued_before(cast, answers):
    client = signed_in(cast.marsh)

    page = client.get(
        client.post(NEW, answers | {"production_start": "Jan 2026"}).headers["Location"]
    )
    text = page.content.decode()

    assert page.status_code == 422
    assert "PRODUCTION_PERIOD_OVERLAP" in text
    assert "Submit issue" not in text
    assert 'href="/facilities/FG#batches"' in text
    assert 'id="batches"' in client.get("/facilities/FG").content.decode()


def test_the_approver_sees_what_the_facility_is_and_what_it_can_make(cast, answers):
    fields = {"technology": "Photovoltaic", "capacity_kw": 300, "audited_on": date(2025, 3, 2)}
    make.facility(cast.alder, code="PV", name="Ridge", **fields)
    # 673 hours at 300 kW, and the hour that a day in autumn may have more.
    usual = send(cast.marsh, NEW, answers | {"facility": "PV", "volume": "201"})
    much = {"facility": "PV", "volume": "224", "production_start": "Mar 2026", "key": uuid4()}
    wrong = send(cast.marsh, NEW, answers | much)
    client = signed_in(cast.approver)
    pages = [
        " ".join(client.get(f"/approvals/{item.number}").content.decode().split())
        for item in (usual, wrong)
    ]

    assert 'href="/facilities/PV"' in pages[0]
    assert "North region, Photovoltaic, 300 kW, audited" in pages[0]
    assert "at full power, 201 at most" in pages[0]
    assert "More than the facility makes in that time at full power: 223 at most" in pages[1]


def test_a_period_may_end_today(cast, answers):
    today = dates.today()
    period = {
        "production_start": dates.write_day(today - timedelta(days=1)),
        "production_end": dates.write_day(today),
    }

    assert send(cast.marsh, NEW, answers | period).production_end == today


def test_a_facility_that_was_suspended_meanwhile_is_named(cast, answers):
    client = signed_in(cast.marsh)
    check = client.post(NEW, answers).headers["Location"]
    cast.facility.status = "suspended"
    cast.facility.save()

    assert "FACILITY_NOT_ACTIVE" in client.get(check).content.decode()
    assert "no active facility" in client.get(NEW).content.decode()


def test_another_batch_in_between_does_not_disturb(cast, answers):
    item = send(cast.marsh, NEW, answers)
    make.mint(cast.target, 10, commodity=cast.commodity)

    assert decide(cast.approver, item).status == "executed"


def test_only_ones_own_facilities_and_accounts_are_offered(cast):
    make.facility(cast.cobalt, code="CG", name="Cobalt Solar")

    form = signed_in(cast.marsh).get(f"{NEW}?account=ALD-01").context["form"]

    assert (list(form.facilities), list(form.targets)) == (["FG"], ["ALD-01"])
    assert form["target"].value() == "ALD-01"


def test_a_draft_is_changed_through_its_details(cast, answers):
    client = signed_in(cast.marsh)
    client.post(NEW, answers)
    path = f"/requests/{last_request().number}/details"

    shown = client.get(path).context["form"]
    client.post(path, answers | {"volume": "260"})

    assert [shown[name].value() for name in ("facility", "target", "commodity")] == [
        "FG",
        "ALD-01",
        "SOL",
    ]
    assert last_request().volume == 260


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("viewer", 403),
        ("submitter", 302),
        ("team_admin", 302),
        ("operator", 302),
        ("approver", 403),
        ("auditor", 403),
    ],
)
def test_who_may_ask(cast, answers, role, status):
    person = somebody(cast, role)
    client = signed_in(person)

    assert client.get(NEW).status_code == (200 if status == 302 else 403)
    assert client.post(NEW, answers).status_code == status
    assert issues_of(person).exists() == (status == 302)


def test_an_operator_issues_for_anybody_and_somebody_else_decides(cast, answers):
    item = send(somebody(cast, "operator"), NEW, answers)

    assert decide(cast.approver, item).status == "executed"


def test_somebody_elses_account_or_request_is_not_found(cast, answers):
    signed_in(cast.marsh).post(NEW, answers)
    item, client = last_request(), signed_in(cast.cole)

    assert client.get(f"{NEW}?account=ALD-01").status_code == 404
    for part in ("", "/check", "/details"):
        assert client.get(f"/requests/{item.number}{part}").status_code == 404
    assert client.get(f"{NEW}?copy={item.number}").status_code == 404
