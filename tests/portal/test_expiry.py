"""An expiry run in two screens."""

import pytest

from registry.models import Account, Request
from tests import make
from tests.portal.cast import agreement, decide, last_request, same_key, send, signed_in, somebody

NEW = "/requests/new/expiry"


@pytest.fixture
def old(cast):
    """A commodity of which Alder and Cobalt hold certificates past their time."""
    return cast.holds_expired()


@pytest.fixture
def operator(cast):
    """Who prepares the run."""
    return somebody(cast, "operator")


@pytest.fixture
def answers(old):
    """A run of everything that is due, filled in."""
    return {"commodity": "OLD", "max_blocks": "500", "note": "", "key": same_key()}


def runs():
    return Request.objects.filter(kind="expire")


def held(code, operator):
    overview = signed_in(operator).get("/accounts").context["rows"]
    sums = next(row["sums"] for row in overview if row["account"].code == code)
    return {each["commodity"]: each["sum"].held for each in sums}


def test_two_people_of_the_registry_expire_what_is_due(cast, answers, operator):
    item = send(operator, NEW, answers)
    assert (item.status, item.max_blocks, item.volume) == ("submitted", 500, None)

    done = decide(cast.approver, item)

    assert (done.status, done.failure_code) == ("executed", "")
    assert held("ALD-01", operator) == {"OLD": 0, "SOL": 1000}
    assert held(Account.objects.get(commodity__code="OLD", type="expiry").code, operator) == {
        "OLD": 150
    }


def test_the_check_lists_what_would_expire_and_whose_it_is(answers, operator):
    client = signed_in(operator)
    page = client.get(client.post(NEW, answers).headers["Location"])

    preview, text = page.context["preview"], page.content.decode()
    assert [(b["first"], b["last"], b["account"]) for b in preview["consumed"]] == [
        (1, 100, "ALD-01"),
        (101, 150, "COB-01"),
    ]
    assert {b["tone"] for b in preview["created"]} == {"expired"}
    assert sorted((b["account"], b["before"], b["after"]) for b in preview["balances"]) == [
        ("ALD-01", 100, 0),
        ("COB-01", 50, 0),
        ("OLD-EXPIRY", 0, 150),
    ]
    assert "150 certificates in 2 blocks of 2 accounts would expire." in text
    assert "Submit expiry run" in text


def test_a_limit_takes_the_oldest_first(cast, answers, operator):
    item = send(operator, NEW, answers | {"max_blocks": "1"})

    decide(cast.approver, item)

    assert (held("ALD-01", operator)["OLD"], held("COB-01", operator)["OLD"]) == (0, 50)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"commodity": ""}, "Choose one from the list."),
        ({"commodity": "SOL"}, "Choose one from the list."),
        ({"max_blocks": ""}, "Say how many"),
        ({"max_blocks": "0"}, "Type 1 or more."),
        ({"max_blocks": "1,001"}, "Choose 1,000 at most."),
    ],
)
def test_wrong_answers_are_named_and_the_others_are_kept(answers, operator, wrong, sentence):
    typed = answers | {"note": "Kept as typed"} | wrong

    answer = signed_in(operator).post(NEW, typed)

    form = answer.context["form"]
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert {name: form[name].value() for name in typed if name != "key"} == {
        name: value for name, value in typed.items() if name != "key"
    }
    assert not runs().exists()


def test_when_nothing_is_due_the_ledger_says_so(cast, answers, operator):
    make.commodity(code="NEW", name="New wind", months_to_expiry=18)
    client = signed_in(operator)

    page = client.get(client.post(NEW, answers | {"commodity": "NEW"}).headers["Location"])

    assert page.status_code == 422
    assert "VOLUME_NOT_POSITIVE" in page.content.decode()
    assert "nothing due to expire" in page.content.decode()
    assert "Submit expiry run" not in page.content.decode()


def test_what_changed_after_the_check_stops_the_submission(cast, answers, operator):
    client = signed_in(operator)
    page = client.get(client.post(NEW, answers).headers["Location"])
    item, stale = page.context["item"], agreement(page)
    decide(cast.approver, send(operator, NEW, answers | {"max_blocks": "1", "key": same_key()}))

    answer = client.post(f"/requests/{item.number}/submit", stale)

    item.refresh_from_db()
    assert (answer.status_code, item.status) == (409, "draft")
    assert "PREVIEW_CHANGED" in answer.content.decode()


def test_a_draft_is_changed_through_its_details(answers, operator):
    client = signed_in(operator)
    client.post(NEW, answers)
    path = f"/requests/{last_request().number}/details"

    shown = client.get(path).context["form"]
    client.post(path, answers | {"max_blocks": "7"})

    assert (shown["commodity"].value(), shown["max_blocks"].value()) == ("OLD", 500)
    assert runs().get().max_blocks == 7


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin", "approver", "auditor"])
def test_nobody_else_may_prepare_a_run(cast, answers, role):
    client = signed_in(somebody(cast, role))

    assert client.get(NEW).status_code == 403
    assert client.post(NEW, answers).status_code == 403
    assert f'href="{NEW}"' not in client.get("/requests").content.decode()
    assert not runs().exists()


def test_a_run_that_is_not_submitted_is_nobody_elses(cast, answers, operator):
    signed_in(operator).post(NEW, answers)
    number = last_request().number

    for person in (cast.marsh, cast.cole):
        for part in ("", "/check", "/details"):
            assert signed_in(person).get(f"/requests/{number}{part}").status_code == 404
    assert signed_in(cast.approver).get(f"/requests/{number}/check").status_code == 403


def test_the_desk_and_the_list_lead_here(operator):
    client = signed_in(operator)

    for page in ("/", "/requests"):
        assert f'href="{NEW}"' in client.get(page).content.decode()
