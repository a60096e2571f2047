"""A retirement in two screens."""

from datetime import date

import pytest

from ledgerdb.reads import rows
from registry.models import Request
from tests import make
from tests.portal.cast import agreement, decide, last_request, same_key, send, signed_in, somebody

NEW = "/requests/new/retire"


@pytest.fixture
def retired_to(cast):
    """The retirement account of Alder."""
    return make.account(organisation=cast.alder, type="retirement", code="ALD-RET")


@pytest.fixture
def answers(cast, retired_to):
    """A retirement of 400, filled in."""
    return {
        "source": "ALD-01/SOL",
        "volume": "400",
        "numbers": "",
        "beneficiary": "Town of Exampleton",
        "beneficiary_country": "de",
        "beneficiary_place": "Exampleton",
        "reason": "Supply of 2025",
        "consumption_start": "2025",
        "consumption_end": "",
        "claim_published": "yes",
        "note": "",
        "key": same_key(),
    }


def retirements():
    return Request.objects.filter(kind="retire")


def test_two_people_retire_part_of_a_block(cast, answers, retired_to):
    item = send(cast.marsh, NEW, answers)
    assert (item.status, item.target) == ("submitted", retired_to)

    done = decide(cast.approver, item)

    assert (done.status, done.failure_code) == ("executed", "")
    assert (done.source, done.volume, done.ranges) == (cast.source, 400, None)
    assert (done.beneficiary, done.beneficiary_country, done.beneficiary_place) == (
        "Town of Exampleton",
        "DE",
        "Exampleton",
    )
    assert (done.reason, done.consumption_start, done.consumption_end) == (
        "Supply of 2025",
        date(2025, 1, 1),
        date(2025, 12, 31),
    )


def test_the_check_shows_the_blocks_the_balances_and_what_the_public_will_read(cast, answers):
    client = signed_in(cast.marsh)
    page = client.get(client.post(NEW, answers).headers["Location"])

    preview, text = page.context["preview"], " ".join(page.content.decode().split())
    assert [(b["first"], b["last"]) for b in preview["consumed"]] == [(1, 1000)]
    assert [(b["first"], b["last"], b["account"], b["tone"]) for b in preview["created"]] == [
        (1, 400, "ALD-RET", "retired"),
        (401, 1000, "ALD-01", "from"),
    ]
    assert [(b["account"], b["before"], b["after"]) for b in preview["balances"]] == [
        ("ALD-01", 1000, 600),
        ("ALD-RET", 0, 400),
    ]
    assert "retired 400 certificates (Solar) for <b>Town of Exampleton</b>, Exampleton, DE" in text
    assert "Submit retirement of 400" in text
    assert "A registry approver decides" in text


@pytest.mark.parametrize(("answer", "published"), [("yes", True), ("no", False), (None, False)])
def test_a_claim_is_published_only_when_somebody_says_so(cast, answers, answer, published):
    answers["claim_published"] = answer
    client = signed_in(cast.marsh)

    shown = client.post(NEW, {name: typed for name, typed in answers.items() if typed is not None})

    said = client.get(shown.headers["Location"]).content.decode()
    item = last_request()
    assert item.claim_published is published
    assert ("For whom and why is not published." in said) != published
    assert client.get(f"/requests/{item.number}/details").context["form"][
        "claim_published"
    ].value() == ("yes" if published else "no")


def test_an_answer_that_was_not_offered_publishes_nothing(cast, answers):
    answer = signed_in(cast.marsh).post(NEW, answers | {"claim_published": "maybe"})

    assert answer.status_code == 422
    assert not retirements().exists()


def test_numbers_chosen_by_hand_are_the_ones_retired(cast, answers):
    item = send(cast.marsh, NEW, answers | {"volume": "", "numbers": "101-150, 200"})

    done = decide(cast.approver, item)

    assert (done.status, done.ranges) == ("executed", ((101, 150), (200, 200)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"beneficiary": ""}, "Say for whom it is."),
        ({"reason": "  "}, "Say what it is for"),
        ({"beneficiary_country": "Germany"}, "such as DE"),
        ({"beneficiary_country": "QQ"}, "No country has this code."),
        ({"consumption_start": "May 2130", "consumption_end": ""}, "This is still to come."),
        ({"consumption_start": "May 2130", "consumption_end": "soon"}, "Type a date such as"),
        ({"volume": "9" * 19}, "No account holds that many."),
        ({"volume": "1e3"}, "Type a whole number"),
        ({"volume": "", "numbers": ""}, "Say how many certificates"),
        ({"volume": "2000"}, "1,000 are available"),
        ({"consumption_start": "06/07/2026"}, "Type a date such as"),
        ({"consumption_start": "", "consumption_end": "2025"}, "Say when it began."),
        ({"consumption_start": "1 May 2025"}, "Say when it ended."),
        ({"consumption_start": "May 2025", "consumption_end": "Apr 2025"}, "before it began"),
        ({"source": "COB-01/SOL"}, "Choose one from the list."),
    ],
)
def test_wrong_answers_are_named_and_the_others_are_kept(cast, answers, wrong, sentence):
    typed = answers | {"note": "Kept as typed"} | wrong

    answer = signed_in(cast.marsh).post(NEW, typed)

    form = answer.context["form"]
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert {name: form[name].value() for name in typed if name != "key"} == {
        name: value for name, value in typed.items() if name != "key"
    }
    assert not retirements().exists()


def test_a_period_may_be_two_months(cast, answers):
    months = {"consumption_start": "Mar 2025", "consumption_end": "2025-06"}

    signed_in(cast.marsh).post(NEW, answers | months)

    item = last_request()
    assert (item.consumption_start, item.consumption_end) == (date(2025, 3, 1), date(2025, 6, 30))


def test_without_a_retirement_account_nothing_is_asked(cast, answers, retired_to):
    retired_to.status = "suspended"
    retired_to.save()

    answer = signed_in(cast.marsh).post(NEW, answers)

    assert answer.status_code == 422
    assert "Ask the registry to open one." in answer.content.decode()


def test_what_the_ledger_refuses_comes_back_by_name(cast, answers):
    client = signed_in(cast.marsh)
    check = client.post(NEW, answers | {"volume": "", "numbers": "1-100"}).headers["Location"]
    cast.executed(1000)

    page = client.get(check)

    assert page.status_code == 422
    assert "BLOCK_NOT_HELD" in page.content.decode()
    assert "Submit retirement" not in page.content.decode()


def test_blocks_that_changed_after_the_check_stop_the_submission(cast, answers):
    client = signed_in(cast.marsh)
    page = client.get(client.post(NEW, answers).headers["Location"])
    item, stale = page.context["item"], agreement(page)
    cast.executed(100)

    answer = client.post(f"/requests/{item.number}/submit", stale)

    item.refresh_from_db()
    assert (answer.status_code, item.status) == (409, "draft")
    assert "PREVIEW_CHANGED" in answer.content.decode()


def test_a_draft_is_changed_through_its_details(cast, answers):
    client = signed_in(cast.marsh)
    client.post(NEW, answers)
    path = f"/requests/{last_request().number}/details"

    shown = client.get(path).context["form"]
    client.post(path, answers | {"beneficiary": "Somebody else"})

    assert (shown["beneficiary"].value(), shown["consumption_end"].value()) == (
        "Town of Exampleton",
        "31 Dec 2025",
    )
    assert retirements().get().beneficiary == "Somebody else"


def test_a_request_that_came_to_nothing_is_copied_into_a_new_one(cast, answers):
    item, client = send(cast.marsh, NEW, answers), signed_in(cast.marsh)
    client.post(f"/requests/{item.number}/withdraw")

    page = client.get(f"/requests/{item.number}").content.decode()
    form = client.get(f"{NEW}?copy={item.number}").context["form"]

    assert f'href="{NEW}?copy={item.number}"' in page
    assert form["beneficiary"].value() == "Town of Exampleton"
    assert form["key"].value() != item.idempotency_key
    assert client.get(f"/requests/new/transfer?copy={item.number}").status_code == 404


def test_an_operator_starts_from_ticked_blocks_too(cast):
    block = rows("SELECT item_id FROM ledger.leaves")[0]["item_id"]

    form = signed_in(somebody(cast, "operator")).get(f"{NEW}?block={block}").context["form"]

    assert (form["source"].value(), form["numbers"].value()) == ("ALD-01/SOL", "1-1000")


def test_a_key_that_stood_for_a_transfer_does_not_stand_for_a_retirement(cast, answers):
    client, key = signed_in(cast.marsh), same_key()
    client.post("/requests/new/transfer", cast.details(key=key))

    answer = client.post(NEW, answers | {"key": key})

    assert answer.status_code == 409
    assert "IDEMPOTENCY_KEY_REUSED" in answer.content.decode()
    assert last_request().kind == "transfer"


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
    assert retirements().exists() == (status == 302)


def test_an_operator_asks_for_anybody_and_somebody_else_decides(cast, answers):
    operator = somebody(cast, "operator")

    done = decide(cast.approver, send(operator, NEW, answers))

    assert (done.status, done.organisation) == ("executed", operator.organisation)


def test_the_submitter_never_decides_even_with_a_second_sign_in(cast, answers):
    item = send(cast.marsh, NEW, answers)
    same = make.person(make.registry(), "approver", person_id=cast.marsh.person_id)

    answer = signed_in(same).post(f"/approvals/{item.number}/decision", {"decision": "approve"})

    item.refresh_from_db()
    assert (answer.status_code, item.status) == (403, "submitted")
    assert "SELF_APPROVAL" in answer.content.decode()


def test_somebody_elses_account_is_not_found(cast, retired_to):
    assert signed_in(cast.marsh).get(f"{NEW}?account=COB-01").status_code == 404
    assert signed_in(cast.outsider).get(f"{NEW}?account=ALD-01").status_code == 404
    assert signed_in(cast.marsh).get(f"{NEW}?account=%00").status_code == 404
    assert signed_in(cast.marsh).get(f"{NEW}?account=ALD-01").status_code == 200


def test_somebody_elses_retirement_is_not_found(cast, answers):
    signed_in(cast.marsh).post(NEW, answers)
    item, client = last_request(), signed_in(cast.cole)

    for part in ("check", "details"):
        assert client.get(f"/requests/{item.number}/{part}").status_code == 404
    assert client.get(f"{NEW}?copy={item.number}").status_code == 404


def test_the_holdings_and_the_overview_lead_here(cast):
    client = signed_in(cast.marsh)

    holdings = client.get("/accounts/ALD-01/holdings").content.decode()

    assert f"{NEW}?account=ALD-01" in holdings
    assert f'formaction="{NEW}"' in holdings
    for page in ("/", "/requests"):
        assert f'href="{NEW}"' in client.get(page).content.decode()


def test_a_viewer_is_not_led_here(cast):
    client = signed_in(somebody(cast, "viewer"))

    for page in ("/", "/requests", "/accounts/ALD-01/holdings"):
        assert "/requests/new/retire" not in client.get(page).content.decode()
