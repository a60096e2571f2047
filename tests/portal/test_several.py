"""Several requests decided with one form."""

import re

import pytest

from registry import services
from registry.models import DecisionRound, Request
from tests import make
from tests.portal.cast import signed_in

SEVERAL = "/approvals/several"


def look(person, *items):
    for item in items:
        assert signed_in(person).get(f"/approvals/{item.number}").status_code == 200


def answers(*items, decision="approve", **more):
    chosen = {"decision": decision, "reason": "", "key": make.key(), **more}
    return {**chosen, "number": [item.number for item in items]}


def outcomes(approver, answer):
    page = signed_in(approver).get(answer.headers["Location"])
    return {row["number"]: row["refusal"].code if row["refusal"] else row["item"].status
            for row in page.context["rows"]}  # fmt: skip


def statuses(*items):
    return [Request.objects.get(id=item.id).status for item in items]


def test_each_is_decided_in_its_own_transaction_with_a_result(cast):
    first, second = cast.submitted(1), cast.submitted(850)
    third = cast.submitted(100)
    look(cast.approver, first, second, third)
    client = signed_in(cast.approver)

    answer = client.post(SEVERAL, answers(first, second, third))

    # The first took one of the 1,000; what the others were to take is not the same any more.
    assert answer.status_code == 302
    assert outcomes(cast.approver, answer) == {
        first.number: "executed",
        second.number: "PREVIEW_CHANGED",
        third.number: "PREVIEW_CHANGED",
    }
    assert statuses(first, second, third) == ["executed", "submitted", "submitted"]
    page = client.get(answer.headers["Location"]).content.decode()
    assert "1 of 3 approved" in page
    assert "Check again" in page


def two_sources(cast):
    other = make.account(organisation=cast.alder, code="ALD-02")
    make.mint(other, 10, facility=make.facility(cast.alder), commodity=cast.commodity)
    second = services.create_transfer_draft(
        submitter=cast.marsh, source=other, target=cast.target, commodity=cast.commodity, volume=5
    )
    services.submit_request(request_id=second.id, submitter=cast.marsh)
    return cast.submitted(1), second


def test_what_is_independent_is_all_approved_on_what_was_seen(cast):
    first, second = two_sources(cast)
    look(cast.approver, first, second)

    signed_in(cast.approver).post(SEVERAL, answers(first, second))

    done = Request.objects.filter(id__in=[first.id, second.id])
    assert {item.status for item in done} == {"executed"}
    for item in done:
        seen = item.approved_fingerprint
        assert (
            seen
            == services.previews.PreviewOpening.objects.get(
                request=item, person=cast.approver
            ).fingerprint
        )


def test_several_are_rejected_with_one_reason(cast):
    first, second = cast.submitted(1), cast.submitted(2)
    look(cast.approver, first, second)

    signed_in(cast.approver).post(
        SEVERAL, answers(first, second, decision="reject", reason="The contract ended.")
    )

    done = Request.objects.filter(id__in=[first.id, second.id])
    assert {(item.status, item.decision_reason) for item in done} == {
        ("rejected", "The contract ended.")
    }


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_forged_number_is_refused_by_name(cast, decision):
    opened, unopened = two_sources(cast)
    look(cast.approver, opened)

    answer = signed_in(cast.approver).post(
        SEVERAL, answers(opened, unopened, decision=decision, reason="x")
    )

    found = outcomes(cast.approver, answer)
    assert found[unopened.number] == "PREVIEW_NOT_OPENED"
    assert statuses(opened, unopened) == [
        "executed" if decision == "approve" else "rejected", "submitted",
    ]  # fmt: skip


def test_what_somebody_else_opened_is_refused_by_name(cast):
    item, other = cast.submitted(1), make.person(make.registry(), "approver")
    look(other, item)

    answer = signed_in(cast.approver).post(SEVERAL, answers(item))

    assert outcomes(cast.approver, answer) == {item.number: "PREVIEW_NOT_OPENED"}


def test_a_draft_and_a_number_that_nobody_has_are_alike(cast):
    draft = cast.draft(1)

    answer = signed_in(cast.approver).post(
        SEVERAL, {**answers(draft), "number": [draft.number, 999_999]}
    )

    codes = [row["code"] for row in DecisionRound.objects.get().results]
    assert answer.status_code == 302
    assert codes == ["REQUEST_NOT_FOUND", "REQUEST_NOT_FOUND"]


def test_ones_own_request_among_them_is_refused_by_name(cast):
    own = services.draft_request(
        kind="mint", submitter=cast.approver, commodity=cast.commodity, target=cast.source,
        facility=cast.facility, volume=5, production_start="2026-02-01",
        production_end="2026-02-28",
    )  # fmt: skip
    services.submit_request(request_id=own.id, submitter=cast.approver)
    look(cast.approver, own)

    answer = signed_in(cast.approver).post(SEVERAL, answers(own))

    assert outcomes(cast.approver, answer) == {own.number: "SELF_APPROVAL"}


def test_the_same_form_again_leads_to_the_first_results(cast):
    item = cast.submitted(1)
    look(cast.approver, item)
    client, form = signed_in(cast.approver), answers(item)

    first = client.post(SEVERAL, form)
    again = client.post(SEVERAL, form)

    assert first.headers["Location"] == again.headers["Location"]
    assert DecisionRound.objects.count() == 1
    assert outcomes(cast.approver, again) == {item.number: "executed"}


def test_the_results_are_for_who_decided(cast):
    item = cast.submitted(1)
    look(cast.approver, item)
    answer = signed_in(cast.approver).post(SEVERAL, answers(item))

    other = signed_in(make.person(make.registry(), "approver"))

    assert other.get(answer.headers["Location"]).status_code == 404


def test_the_page_asks_once_and_leaves_out_what_was_not_opened(cast):
    opened, unopened = cast.submitted(1), cast.submitted(2)
    look(cast.approver, opened)

    page = signed_in(cast.approver).get(
        SEVERAL, {"number": [opened.number, unopened.number, 999_999, "x"]}
    )

    text = page.content.decode()
    assert re.findall(r'type="hidden" name="number" value="(\d+)"', text) == [str(opened.number)]
    assert "Confirm 1 decision" in text
    assert "Not opened" in text
    assert text.count('name="reason"') == 1


def test_without_a_ticked_box_there_is_nothing_to_decide(cast):
    page = signed_in(cast.approver).get(SEVERAL)

    assert "Nothing to decide" in page.content.decode()
    assert "Your decision" not in page.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"decision": ""},
        {"decision": "reject", "reason": "  "},
        {"decision": ["approve", "reject"]},
        {"number": []},
        {"number": ["x", "1\x00", "\N{FULLWIDTH DIGIT ONE}", "-1", "9" * 40]},
        {"key": "no key"},
        {"reason": "x" * 501},
    ],
)
def test_an_incomplete_form_decides_nothing(cast, wrong):
    item = cast.submitted(1)
    look(cast.approver, item)

    answer = signed_in(cast.approver).post(SEVERAL, {**answers(item), **wrong})

    assert (answer.status_code, statuses(item)) == (422, ["submitted"])


@pytest.mark.parametrize("role", ["operator", "viewer", "auditor"])
def test_only_an_approver_decides(cast, role):
    item = cast.submitted(1)
    person = make.person(make.registry() if role == "operator" else cast.alder, role)

    assert signed_in(person).get(SEVERAL).status_code == 403
    assert signed_in(person).post(SEVERAL, answers(item)).status_code == 403
    assert statuses(item) == ["submitted"]
