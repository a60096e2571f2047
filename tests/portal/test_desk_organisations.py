"""Organisations at the registry's desk: who sees them, and what is done to them."""

import pytest

from registry import services
from registry.models import Account, Organisation, Request
from registry.selectors import log
from tests import make
from tests.portal.cast import decide, signed_in, somebody

NEW = {
    "code": "ACME",
    "name": "Acme Power",
    "kind": "participant",
    "country": "nl",
    "registration_no": "KvK 1",
    "vat_no": "NL1",
    "address": "Dam 1, Amsterdam",
    "contact": "office@acme.example",
}


@pytest.fixture
def desk(cast):
    """An operator's browser."""
    return signed_in(make.operator())


def seen(client, path):
    """Return what the form of a page holds, as a browser would send it back."""
    form = client.get(path).context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def turned(client, path, **answers):
    """Open a page, give a reason, and send it."""
    return client.post(path, {**seen(client, path), "reason": "As decided.", **answers})


def test_an_organisation_is_registered_in_the_operators_name(cast, desk):
    answer = desk.post("/organisations/new", NEW)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/organisations/ACME")
    added = Organisation.objects.get(code="ACME")
    assert (added.name, added.country, added.contact) == ("Acme Power", "NL", "office@acme.example")
    (entry,) = log.history(added)
    assert entry.row["actor"] == make.operator().name
    page = desk.get("/organisations/ACME").content.decode()
    assert "Acme Power" in page
    assert 'href="/team?organisation=ACME">Invite its team admin' in page


def test_the_same_answers_sent_twice_are_one_organisation(cast, desk):
    answers = [desk.post("/organisations/new", NEW) for _ in range(2)]

    assert [each.status_code for each in answers] == [302, 302]
    assert Organisation.objects.filter(code="ACME").count() == 1


def test_a_code_that_is_taken_is_named_at_its_field_and_nothing_is_lost(cast, desk):
    answer = desk.post("/organisations/new", NEW | {"code": "ald"})

    form = answer.context["form"]
    assert answer.status_code == 409
    assert form.errors["code"]
    assert form["name"].value() == "Acme Power"
    assert "CODE_TAKEN" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("code", "", "Type a code, such as ALD-01."),
        ("code", "A B", "Use capital letters"),
        ("code", "\uff21\uff22\uff23", "Use capital letters"),
        ("code", "X" * 33, "at most 32"),
        ("code", "A\x00B", "Null characters"),
        ("name", "", "Type the legal name."),
        ("name", "x" * 201, "at most 200"),
        ("kind", "bank", "Choose one from the list."),
        ("country", "Nederland", "such as DE or GB"),
        ("country", "1!", "such as DE or GB"),
        ("country", "QQ", "No country has this code."),
        ("contact", "nobody", "Type an e-mail address"),
    ],
)
def test_wrong_answers_are_named(cast, desk, field, value, sentence):
    answer = desk.post("/organisations/new", NEW | {field: value})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Organisation.objects.filter(name="Acme Power").exists()


def test_legal_data_is_edited_and_the_change_is_in_its_history(cast, desk):
    answer = turned(desk, "/organisations/ALD/edit", name="Alder Wind and Sun")

    assert answer.status_code == 302
    page = desk.get("/organisations/ALD").content.decode()
    assert "Alder Wind and Sun" in page
    assert "As decided." in page
    entry = log.history(cast.alder)[0]
    assert [(each.label, each.before, each.after) for each in entry.fields] == [
        ("Name", "Alder Wind", "Alder Wind and Sun")
    ]


def test_what_somebody_else_changed_meanwhile_is_shown_and_not_overwritten(cast, desk):
    mine = seen(desk, "/organisations/ALD/edit")
    turned(desk, "/organisations/ALD/edit", address="Storgata 1")

    answer = desk.post("/organisations/ALD/edit", mine | {"name": "Alder Power"})

    cast.alder.refresh_from_db()
    assert answer.status_code == 409
    assert (cast.alder.name, cast.alder.address) == ("Alder Wind", "Storgata 1")
    text = answer.content.decode()
    assert "What is different now" in text
    assert "Storgata 1" in text
    assert answer.context["form"]["name"].value() == "Alder Power"

    again = {name: answer.context["form"][name].value() or "" for name in mine}
    assert desk.post("/organisations/ALD/edit", again).status_code == 302
    cast.alder.refresh_from_db()
    assert cast.alder.name == "Alder Power"


def test_the_same_edit_sent_twice_is_one_change(cast, desk):
    mine = seen(desk, "/organisations/ALD/edit") | {"name": "Alder Power"}

    answers = [desk.post("/organisations/ALD/edit", mine) for _ in range(2)]

    assert [each.status_code for each in answers] == [302, 302]
    assert len(log.history(cast.alder)) == 2


@pytest.mark.parametrize("version", ["", "-1", "x", "99999999999999999999", "\uff11"])
def test_a_form_without_a_true_version_changes_nothing(cast, desk, version):
    mine = seen(desk, "/organisations/ALD/edit") | {"name": "Alder Power", "version": version}

    assert desk.post("/organisations/ALD/edit", mine).status_code in (409, 422)
    cast.alder.refresh_from_db()
    assert cast.alder.name == "Alder Wind"


def test_the_effect_of_a_suspension_is_stated_before(cast, desk):
    item = cast.submitted(10)

    text = desk.get("/organisations/ALD/suspend").content.decode()

    assert "1 active account will be suspended: ALD-01." in text
    assert (
        f"1 open request cannot be approved or executed while it is suspended: {item.number}."
        in text
    )
    cast.alder.refresh_from_db()
    assert cast.alder.status == "active"


def test_a_suspension_needs_a_reason(cast, desk):
    answer = turned(desk, "/organisations/ALD/suspend", reason=" ")

    assert answer.status_code == 422
    assert "Say why" in answer.content.decode()
    cast.alder.refresh_from_db()
    assert cast.alder.status == "active"


@pytest.mark.parametrize("side", ["ALD", "COB"])
def test_open_requests_of_a_suspended_organisation_are_not_approved(cast, desk, side):
    item = cast.submitted(10)
    turned(desk, f"/organisations/{side}/suspend")

    page = signed_in(cast.approver).get(f"/approvals/{item.number}")

    assert page.context["preview"] is None
    assert "The account is suspended or closed." in page.content.decode()
    assert not page.context["all_passed"]
    item.refresh_from_db()
    assert item.status == "submitted"


@pytest.mark.parametrize(
    ("side", "code"), [("ALD", "ACTOR_NOT_AUTHORISED"), ("COB", "ACCOUNT_NOT_ACTIVE")]
)
def test_approved_requests_of_a_suspended_organisation_are_not_executed(cast, desk, side, code):
    item = make.approve(cast.submitted(10))
    turned(desk, f"/organisations/{side}/suspend")

    done = services.execute_request(request_id=item.id)

    assert (done.status, done.failure_code) == ("failed", code)


def test_people_of_a_suspended_organisation_are_told_and_may_look(cast, desk):
    turned(desk, "/organisations/ALD/suspend")
    client = signed_in(cast.marsh)

    for path in ("/", "/accounts", "/accounts/ALD-01/holdings", "/requests", "/facilities"):
        page = client.get(path)
        assert page.status_code == 200
        assert "Alder Wind is suspended." in page.content.decode()
    assert "is suspended." not in signed_in(cast.cole).get("/").content.decode()


def test_people_of_a_suspended_organisation_submit_nothing(cast, desk):
    draft = cast.draft(10)
    turned(desk, "/organisations/ALD/suspend")

    answer = signed_in(cast.marsh).post(f"/requests/{draft.number}/submit", {"fingerprint": ""})

    draft.refresh_from_db()
    assert answer.status_code in (403, 422)
    assert draft.status == Request.Status.DRAFT


def test_reactivating_reopens_what_was_suspended_with_it_and_nothing_else(cast, desk):
    make.account(organisation=cast.alder, code="ALD-02")
    turned(desk, "/accounts/ALD-02/suspend")
    item = cast.submitted(10)
    turned(desk, "/organisations/ALD/suspend")
    effect = desk.get("/organisations/ALD/reactivate").content.decode()
    assert "becomes active again: ALD-01." in effect

    turned(desk, "/organisations/ALD/reactivate")

    assert dict(cast.alder.accounts.values_list("code", "status")) == {
        "ALD-01": "active",
        "ALD-02": "suspended",
    }
    assert decide(cast.approver, item).status == "executed"


def test_a_suspension_sent_twice_is_one(cast, desk):
    mine = seen(desk, "/organisations/ALD/suspend") | {"reason": "As decided."}

    answers = [desk.post("/organisations/ALD/suspend", mine) for _ in range(2)]

    assert [each.status_code for each in answers] == [302, 302]
    assert len(log.history(cast.alder, only="status")) == 2
    assert desk.get("/organisations/ALD/suspend").status_code == 302


def test_the_registry_does_not_suspend_itself(cast, desk):
    registry = make.registry()
    mine = {"version": log.version_of(registry), "reason": "Closing time."}

    assert "your own" in desk.get(f"/organisations/{registry.code}/suspend").content.decode()
    answer = desk.post(f"/organisations/{registry.code}/suspend", mine)

    assert answer.status_code == 403
    registry.refresh_from_db()
    assert registry.status == "active"


def test_the_list_is_searched_and_filtered(cast, desk):
    turned(desk, "/organisations/COB/suspend")

    def found(query):
        return [each.code for each in desk.get(f"/organisations?{query}").context["page"]]

    assert found("q=alder") == ["ALD"]
    assert found("status=suspended") == ["COB"]
    assert found("kind=registry") == ["REGISTRY"]
    assert found("q=nobody") == []
    assert "No organisations match" in desk.get("/organisations?q=nobody").content.decode()
    for odd in ("q=%00", "after=%00", "status=x", "q=" + "%25" * 300, "kind=participant&status="):
        assert desk.get(f"/organisations?{odd}").status_code == 200


def test_a_long_list_goes_on_where_it_ended(cast, desk):
    for number in range(60):
        services.add_organisation(code=f"X{number:03}", name="One of many")

    first = desk.get("/organisations?q=one+of")
    second = desk.get(f"/organisations?{first.context['next']}")

    codes = [each.code for page in (first, second) for each in page.context["page"]]
    assert codes == [f"X{number:03}" for number in range(60)]
    assert "50 of 60 shown" in first.content.decode()


def test_a_team_admin_reads_their_own_organisation_and_no_other(cast):
    client = signed_in(make.person(cast.alder, "team_admin"))

    assert client.get("/organisations").headers["Location"] == "/organisations/ALD"
    page = client.get("/organisations/ALD")
    assert page.status_code == 200
    assert "/organisations/ALD/edit" not in page.content.decode()
    assert client.get("/organisations/COB").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin", "approver", "auditor"])
def test_only_an_operator_changes_an_organisation(cast, role):
    client = signed_in(somebody(cast, role))

    for path in ("new", "ALD/edit", "ALD/suspend", "ALD/reactivate", "ALD/account"):
        assert client.get(f"/organisations/{path}").status_code == 403
        assert client.post(f"/organisations/{path}", NEW | {"reason": "x"}).status_code == 403
    assert not Organisation.objects.filter(code="ACME").exists()


# ---- accounts

ACCOUNT = {"code": "ALD-09", "type": "trading", "name": "Second"}


def test_an_account_is_opened(cast, desk):
    answers = [desk.post("/organisations/ALD/account", ACCOUNT) for _ in range(2)]

    assert [each.headers["Location"] for each in answers] == ["/accounts/ALD-09"] * 2
    opened = Account.objects.get(code="ALD-09")
    assert (opened.organisation, opened.type, opened.status) == (cast.alder, "trading", "active")


def test_a_code_of_another_account_is_named(cast, desk):
    answer = desk.post("/organisations/ALD/account", ACCOUNT | {"code": "COB-01"})

    assert answer.status_code == 409
    assert "CODE_TAKEN" in answer.content.decode()
    assert answer.context["form"]["name"].value() == "Second"


def test_no_system_account_is_opened(cast, desk):
    answer = desk.post("/organisations/ALD/account", ACCOUNT | {"type": "issuance"})

    assert answer.status_code == 422
    assert not Account.objects.filter(code="ALD-09").exists()


def test_no_account_is_opened_for_a_suspended_organisation(cast, desk):
    turned(desk, "/organisations/ALD/suspend")

    answer = desk.post("/organisations/ALD/account", ACCOUNT)

    assert answer.status_code == 422
    assert "ORGANISATION_SUSPENDED" in answer.content.decode()
    assert "reactivate it first" in desk.get("/organisations/ALD/account").content.decode()


def test_an_account_is_suspended_and_reopened_with_its_history(cast, desk):
    item = cast.submitted(10)
    text = desk.get("/accounts/ALD-01/suspend").content.decode()
    assert "It holds 1,000 SOL." in text
    assert str(item.number) in text

    assert turned(desk, "/accounts/ALD-01/suspend").status_code == 302
    assert turned(desk, "/accounts/ALD-01/reopen", reason="Sorted out.").status_code == 302

    cast.source.refresh_from_db()
    assert cast.source.status == "active"
    history = log.history(cast.source, only="status")
    assert [entry.row["reason"] for entry in history] == ["Sorted out.", "As decided.", ""]


def test_an_account_that_holds_something_is_not_closed(cast, desk):
    page = desk.get("/accounts/ALD-01/close")

    assert "Only an empty account can be closed." in page.content.decode()
    assert 'method="post" novalidate' not in page.content.decode()
    answer = desk.post(
        "/accounts/ALD-01/close", {"version": log.version_of(cast.source), "reason": "x"}
    )
    assert answer.status_code == 409
    assert "ACCOUNT_NOT_EMPTY" in answer.content.decode()


def test_an_account_with_open_requests_is_not_closed(cast, desk):
    cast.submitted(10)

    answer = desk.post(
        "/accounts/COB-01/close", {"version": log.version_of(cast.target), "reason": "x"}
    )

    assert answer.status_code == 409
    assert "ACCOUNT_HAS_REQUESTS" in answer.content.decode()


def test_an_empty_account_is_closed_for_good(cast, desk):
    assert turned(desk, "/accounts/COB-01/close").status_code == 302

    answer = desk.post(
        "/accounts/COB-01/reopen", {"version": log.version_of(cast.target), "reason": "x"}
    )
    assert answer.status_code == 409
    assert "RECORD_FIXED" in answer.content.decode()
    assert "Closed for good" in signed_in(cast.cole).get("/accounts/COB-01").content.decode()


def test_a_commoditys_own_account_is_shown_and_never_touched(cast, desk):
    assert desk.get("/accounts/SOL-ISSUANCE").status_code == 200
    for act in ("suspend", "reopen", "close"):
        assert desk.get(f"/accounts/SOL-ISSUANCE/{act}").status_code == 404


def test_an_account_is_its_organisations_and_the_registrys_to_see(cast):
    assert signed_in(cast.marsh).get("/accounts/ALD-01").status_code == 200
    for path in ("/accounts/ALD-01", "/accounts/NONE", "/accounts/%00"):
        assert signed_in(cast.outsider).get(path).status_code == 404
