"""A change of region in two screens."""

from datetime import date, timedelta

import pytest

from ledgerdb.reads import rows
from registry import dates, services
from registry.models import Request
from tests import make
from tests.portal.cast import decide, last_request, same_key, send, signed_in, somebody

NEW = "/requests/new/region"


@pytest.fixture
def regions(cast):
    """North, where Alder's certificates are, and South, where a rule lets them go."""
    cast.commodity.reassignable = True
    cast.commodity.save()
    north, south = cast.facility.region, make.region(code="S", name="South region")
    allow(cast, north, south)
    return north, south


def allow(cast, one, other, start=date(2020, 1, 1), end=None):
    services.allow_region_change(
        commodity=cast.commodity, from_region=one, to_region=other, valid_from=start, valid_to=end
    )


@pytest.fixture
def answers(cast, regions):
    """A change of 400, filled in."""
    return {
        "source": "ALD-01/SOL",
        "region": "SOL/N/S",
        "volume": "400",
        "numbers": "",
        "note": "",
        "key": same_key(),
    }


def changes():
    return Request.objects.filter(kind="reassign_region")


def test_two_people_change_the_region_of_part_of_a_block(cast, answers, regions):
    item = send(cast.marsh, NEW, answers)
    assert (item.status, item.filter_region, item.region) == ("submitted", *regions)

    done = decide(cast.approver, item)

    assert (done.status, done.failure_code) == ("executed", "")
    assert (done.source, done.target, done.volume) == (cast.source, None, 400)


def test_the_check_shows_the_regions_and_that_nothing_else_changes(cast, answers):
    client = signed_in(cast.marsh)
    page = client.get(client.post(NEW, answers).headers["Location"])

    preview, text = page.context["preview"], page.content.decode()
    assert [(b["first"], b["last"], b["region"]) for b in preview["consumed"]] == [
        (1, 1000, "North region")
    ]
    assert [(b["first"], b["last"], b["region"]) for b in preview["created"]] == [
        (1, 400, "South region"),
        (401, 1000, "North region"),
    ]
    assert [(b["account"], b["before"], b["after"]) for b in preview["balances"]] == [
        ("ALD-01", 1000, 1000)
    ]
    assert "<small>South region</small>" in text
    assert "North region to South region" in text
    assert "Submit change of region of 400" in text


def test_numbers_chosen_by_hand_are_the_ones_that_change(cast, answers):
    item = send(cast.marsh, NEW, answers | {"volume": "", "numbers": "101-150, 200"})

    done = decide(cast.approver, item)

    assert (done.status, done.ranges) == ("executed", ((101, 150), (200, 200)))


def test_the_transaction_shows_both_regions(cast, answers):
    decide(cast.approver, send(cast.marsh, NEW, answers))

    page = signed_in(cast.marsh).get("/transactions/SOL-2").content.decode()

    assert "<small>North region</small>" in page
    assert "<small>South region</small>" in page


def test_only_what_a_rule_allows_today_is_offered(cast, regions):
    north, south = regions
    yesterday, tomorrow = (dates.today() + timedelta(days=days) for days in (-1, 1))
    over, later, today = (make.region(code=code, name=code) for code in ("OV", "LA", "TO"))
    allow(cast, north, over, end=yesterday)
    allow(cast, north, later, start=tomorrow)
    allow(cast, north, today, start=dates.today(), end=dates.today())
    services.allow_region_change(
        commodity=make.commodity(code="WND", reassignable=True),
        from_region=north,
        to_region=south,
        valid_from=date(2020, 1, 1),
    )

    form = signed_in(cast.marsh).get(NEW).context["form"]

    assert list(form.rules) == ["SOL/N/S", "SOL/N/TO"]


def test_blocks_that_cannot_change_region_are_not_taken_for_others(cast, regions):
    fixed = make.commodity(code="FIX", name="Fixed")
    make.mint(cast.source, 10, commodity=fixed)
    block = rows("SELECT item_id FROM ledger.leaves WHERE commodity_id = %s", [fixed.id])[0][
        "item_id"
    ]

    page = signed_in(cast.marsh).get(f"{NEW}?block={block}")

    form = page.context["form"]
    assert "What you chose cannot be used here" in page.content.decode()
    assert (form["volume"].value(), form["numbers"].value()) == (None, "")


def test_without_a_rule_there_is_nothing_to_ask_for(cast):
    page = signed_in(cast.marsh).get(NEW)

    assert "may move to another region today" in page.content.decode()
    assert "Continue" not in page.content.decode()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"region": ""}, "Choose one from the list."),
        ({"region": "SOL/S/N"}, "Choose one from the list."),
        ({"region": "WND/N/S"}, "This change is for WND. You chose SOL."),
        ({"volume": "1 000"}, "Type a whole number"),
        ({"volume": ""}, "Say how many certificates"),
        ({"volume": "2000"}, "1,000 are available"),
        ({"source": "COB-01/SOL"}, "Choose one from the list."),
    ],
)
def test_wrong_answers_are_named_and_the_others_are_kept(cast, answers, regions, wrong, sentence):
    wind = make.commodity(code="WND", reassignable=True)
    make.mint(cast.source, 10, commodity=wind)
    north, south = regions
    services.allow_region_change(
        commodity=wind, from_region=north, to_region=south, valid_from=date(2020, 1, 1)
    )
    typed = answers | {"note": "Kept as typed"} | wrong

    answer = signed_in(cast.marsh).post(NEW, typed)

    form = answer.context["form"]
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert {name: form[name].value() for name in typed if name != "key"} == {
        name: value for name, value in typed.items() if name != "key"
    }
    assert not changes().exists()


def test_a_rule_that_ended_meanwhile_comes_back_by_name(cast, answers):
    client = signed_in(cast.marsh)
    check = client.post(NEW, answers).headers["Location"]
    rule = cast.commodity.region_rules.get()
    rule.valid_to = dates.today() - timedelta(days=1)
    rule.save()

    page = client.get(check)

    assert page.status_code == 422
    assert "REGION_NOT_ALLOWED" in page.content.decode()
    assert "Submit change" not in page.content.decode()


def test_what_is_in_another_region_does_not_count(cast, answers):
    client = signed_in(cast.marsh)
    decide(cast.approver, send(cast.marsh, NEW, answers))

    more = answers | {"volume": "700", "key": same_key()}
    page = client.get(client.post(NEW, more).headers["Location"])

    assert page.status_code == 422
    assert "INSUFFICIENT_TOTAL_BALANCE" in page.content.decode()


def test_a_draft_is_changed_through_its_details(cast, answers):
    client = signed_in(cast.marsh)
    client.post(NEW, answers)
    path = f"/requests/{last_request().number}/details"

    shown = client.get(path).context["form"]
    client.post(path, answers | {"volume": "260"})

    assert (shown["region"].value(), shown["source"].value()) == ("SOL/N/S", "ALD-01/SOL")
    assert changes().get().volume == 260


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
    client = signed_in(somebody(cast, role))

    assert client.get(NEW).status_code == (200 if status == 302 else 403)
    assert client.post(NEW, answers).status_code == status
    assert changes().exists() == (status == 302)


def test_an_operator_asks_for_anybody_and_somebody_else_decides(cast, answers):
    item = send(somebody(cast, "operator"), NEW, answers)

    assert decide(cast.approver, item).status == "executed"


def test_somebody_elses_account_or_request_is_not_found(cast, answers):
    signed_in(cast.marsh).post(NEW, answers)
    item, client = last_request(), signed_in(cast.cole)

    assert client.get(f"{NEW}?account=ALD-01").status_code == 404
    for part in ("", "/check", "/details"):
        assert client.get(f"/requests/{item.number}{part}").status_code == 404
    assert client.get(f"{NEW}?copy={item.number}").status_code == 404


def test_only_rules_about_what_is_held_are_offered(cast, regions):
    _, south = regions
    east = make.region(code="E", name="East region")
    allow(cast, south, east)
    make.mint(cast.target, 10, facility=make.facility(cast.cobalt, region=south))
    client = signed_in(cast.marsh)

    before = list(client.get(NEW).context["form"].rules)
    plant = make.facility(cast.alder, region=south)
    make.mint(make.account(organisation=cast.alder, code="ALD-02"), 10, facility=plant)
    after = list(client.get(NEW).context["form"].rules)
    of_one = list(client.get(f"{NEW}?source=ALD-02/SOL").context["form"].rules)

    assert before == ["SOL/N/S"]
    assert after == ["SOL/N/S", "SOL/S/E"]
    assert of_one == ["SOL/S/E"]


def test_a_rule_about_what_the_account_does_not_hold_is_named(cast, answers, regions):
    _, south = regions
    make.mint(
        make.account(organisation=cast.alder, code="ALD-02"),
        500,
        facility=make.facility(cast.alder, region=south),
    )

    answer = signed_in(cast.marsh).post(NEW, answers | {"source": "ALD-02/SOL"})

    assert answer.status_code == 422
    assert "ALD-02 holds no SOL in North region." in answer.content.decode()


def test_numbers_of_another_region_are_named_and_not_changed_all_the_same(cast, answers, regions):
    allow(cast, regions[1], regions[0])
    decide(cast.approver, send(cast.marsh, NEW, answers))
    wrong = answers | {"volume": "", "numbers": "391-410", "key": same_key()}

    answer = signed_in(cast.marsh).post(NEW, wrong)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "These numbers are not in North region: 391-400 in South region." in page
    assert "NUMBERS_OUTSIDE_FILTER" in page
    assert answer.context["form"]["numbers"].value() == "391-410"


def test_numbers_that_changed_region_meanwhile_stop_the_draft(cast, answers, regions):
    allow(cast, regions[1], regions[0])
    client = signed_in(cast.marsh)
    named = answers | {"volume": "", "numbers": "1-10", "key": same_key()}
    check = client.post(NEW, named).headers["Location"]
    decide(cast.approver, send(cast.marsh, NEW, answers | {"key": same_key()}))

    page = client.get(check)
    submitted = client.post(check.replace("check", "submit"), {"fingerprint": ""})

    for answer in (page, submitted):
        assert answer.status_code == 422
        assert "NUMBERS_OUTSIDE_FILTER" in answer.content.decode()
