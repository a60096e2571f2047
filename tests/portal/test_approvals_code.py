"""A code with each decision."""

from uuid import uuid4

import pytest

from registry import services
from registry.models import CodeUse, Request
from registry.selectors import people
from tests.portal.cast import signed_in
from tests.portal.phone import Phone

NEWEST = "Use the newest code."


@pytest.fixture
def phone(monkeypatch, settings) -> Phone:
    settings.REQUIRE_MFA = True
    return Phone(monkeypatch)


def decide(cast, item, code, **answers):
    answers = {"decision": "approve", "reason": "", "code": code, **answers}
    if "fingerprint" not in answers:
        shown = services.open_preview(request_id=item.id, person=cast.approver)
        answers["fingerprint"] = shown["fingerprint"]
    return signed_in(cast.approver).post(f"/approvals/{item.number}/decision", answers)


def state(item):
    return Request.objects.get(id=item.id).status


def test_an_approver_without_a_factor_is_led_to_set_one_up(cast, phone):
    item = cast.submitted()

    page = signed_in(cast.approver).get(f"/approvals/{item.number}").content.decode()
    answer = decide(cast, item, "000000")

    assert "You need a second factor before you can decide." in page
    assert 'name="decision"' not in page
    assert (answer.status_code, answer.headers["Location"]) == (302, "/me/app")
    assert state(item) == "submitted"


def test_the_right_code_decides(cast, phone):
    phone.give_to(cast.approver)
    item = cast.submitted()

    page = signed_in(cast.approver).get(f"/approvals/{item.number}").content.decode()
    answer = decide(cast, item, phone.code())

    assert 'autocomplete="one-time-code"' in page
    assert answer.headers["Location"] == f"/requests/{item.number}"
    assert state(item) == "executed"
    assert CodeUse.objects.filter(user=cast.approver, purpose="decision").count() == 1


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize(
    "code", ["", "000000", "\uff11\uff12\uff13\uff14\uff15\uff16", "12345\x00", "7" * 500]
)
def test_no_decision_is_taken_without_the_right_code(cast, phone, decision, code):
    phone.give_to(cast.approver)
    item = cast.submitted()

    answer = decide(cast, item, code, decision=decision, reason="Wrong account")

    assert (answer.status_code, state(item)) == (422, "submitted")
    assert "newest code" in answer.content.decode()
    assert "Wrong account" in answer.content.decode()


def test_one_code_decides_one_request(cast, phone):
    phone.give_to(cast.approver)
    first, second = cast.submitted(1), cast.submitted(2)
    decide(cast, first, phone.code())

    again = decide(cast, second, phone.code())

    assert (again.status_code, state(second)) == (422, "submitted")
    assert NEWEST in again.content.decode()
    decide(cast, second, phone.next_code())
    assert state(second) == "executed"


def test_a_rejection_needs_its_code_too(cast, phone):
    phone.give_to(cast.approver)
    item = cast.submitted()

    decide(cast, item, phone.code(), decision="reject", reason="Wrong account")

    assert state(item) == "rejected"


def test_an_incomplete_decision_uses_no_code_up(cast, phone):
    phone.give_to(cast.approver)
    item = cast.submitted()

    assert decide(cast, item, phone.code(), decision="reject").status_code == 422

    decide(cast, item, phone.code())
    assert state(item) == "executed"


def test_a_decision_on_other_blocks_uses_no_code_up(cast, phone):
    item = cast.submitted(400)
    stale = services.open_preview(request_id=item.id, person=cast.approver)["fingerprint"]
    cast.executed(100)
    phone.give_to(cast.approver)

    answer = decide(cast, item, phone.code(), fingerprint=stale)

    assert answer.status_code == 409
    decide(cast, item, phone.code())
    assert state(item) == "executed"


def test_a_recovery_code_decides_once(cast, phone):
    phone.give_to(cast.approver)
    code, *_ = people.recovery_codes(cast.approver)
    first, second = cast.submitted(1), cast.submitted(2)

    decide(cast, first, code)
    decide(cast, second, code)

    assert (state(first), state(second)) == ("executed", "submitted")


def test_somebody_elses_code_decides_nothing(cast, phone):
    phone.give_to(cast.approver)
    phone.give_to(cast.marsh)
    code, *_ = people.recovery_codes(cast.marsh)
    item = cast.submitted()

    assert decide(cast, item, code).status_code == 422
    assert state(item) == "submitted"


def test_too_many_wrong_codes_make_the_right_one_wait(cast, phone):
    phone.give_to(cast.approver)
    item = cast.submitted()
    for _ in range(5):
        decide(cast, item, "000000")

    answer = decide(cast, item, phone.code())

    assert "Wait 5 minutes, then try again." in answer.content.decode()
    assert state(item) == "submitted"


def test_where_none_is_required_only_those_with_a_factor_give_a_code(cast, phone, settings):
    settings.REQUIRE_MFA = False
    first, second = cast.submitted(1), cast.submitted(2)

    decide(cast, first, "")
    phone.give_to(cast.approver)
    decide(cast, second, "")

    assert (state(first), state(second)) == ("executed", "submitted")
    decide(cast, second, phone.code())
    assert state(second) == "executed"


def test_a_decision_sent_twice_is_the_first_and_needs_no_second_code(cast, phone):
    phone.give_to(cast.approver)
    item = cast.submitted()
    shown = services.open_preview(request_id=item.id, person=cast.approver)["fingerprint"]
    code = phone.code()

    answers = [decide(cast, item, code, fingerprint=shown) for _ in range(2)]

    assert [each.headers["Location"] for each in answers] == [f"/requests/{item.number}"] * 2
    assert state(item) == "executed"


def several(cast, items, code, key):
    for item in items:
        if state(item) == "submitted":
            services.open_preview(request_id=item.id, person=cast.approver)
    numbers = [item.number for item in items]
    answers = {"decision": "reject", "reason": "No.", "code": code, "key": key, "number": numbers}
    return signed_in(cast.approver).post("/approvals/several", answers)


def test_one_code_goes_with_one_form_for_several_requests(cast, phone):
    phone.give_to(cast.approver)
    items, key = [cast.submitted(1), cast.submitted(2)], uuid4()

    page = signed_in(cast.approver).get(f"/approvals/several?number={items[0].number}")
    wrong = several(cast, items, "000000", key)
    before = [state(item) for item in items]
    code = phone.code()
    right = several(cast, items, code, key)
    again = several(cast, items, code, key)
    other = several(cast, [cast.submitted(3)], code, uuid4())

    assert page.status_code == 200
    assert (wrong.status_code, before) == (422, ["submitted", "submitted"])
    assert NEWEST in wrong.content.decode()
    assert right.headers["Location"] == again.headers["Location"] == f"/approvals/several/{key}"
    assert [state(item) for item in items] == ["rejected", "rejected"]
    assert other.status_code == 422


def test_several_are_not_decided_without_a_factor(cast, phone):
    item = cast.submitted()

    answer = several(cast, [item], "000000", uuid4())

    assert (answer.headers["Location"], state(item)) == ("/me/app", "submitted")


def test_after_signing_in_who_must_have_a_factor_is_led_to_one(cast, phone, client):
    cast.approver.set_password("correct horse battery staple")
    cast.approver.save(update_fields=["password"])

    answer = client.post(
        "/sign-in",
        {"login": cast.approver.email, "password": "correct horse battery staple"},
    )

    assert answer.headers["Location"] == "/me/app"
