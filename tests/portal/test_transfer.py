"""A transfer in two screens."""

import pytest

from ledgerdb.reads import rows
from registry import services
from registry.models import Request
from tests import make
from tests.portal.cast import agreement, last_request, same_key, signed_in

NEW = "/requests/new/transfer"


def transfers():
    return Request.objects.filter(kind="transfer")


def test_the_details_become_a_draft_and_lead_to_the_check(cast):
    answer = signed_in(cast.marsh).post(NEW, cast.details(volume="400", note="For March"))

    item = last_request()
    assert answer.headers["Location"] == f"/requests/{item.number}/check"
    assert (item.status, item.volume, item.note) == ("draft", 400, "For March")
    assert (item.source, item.target, item.commodity) == (cast.source, cast.target, cast.commodity)


def test_the_check_shows_what_is_consumed_and_created(cast):
    item = cast.draft(400)

    page = signed_in(cast.marsh).get(f"/requests/{item.number}/check")

    preview = page.context["preview"]
    assert [(b["first"], b["last"]) for b in preview["consumed"]] == [(1, 1000)]
    assert [(b["first"], b["last"], b["holder"]) for b in preview["created"]] == [
        (1, 400, "Cobalt Grid"),
        (401, 1000, "Alder Wind"),
    ]
    assert "Submit transfer of 400" in page.content.decode()


def test_the_check_shows_nobody_elses_balance(cast):
    item = cast.draft(400)

    page = signed_in(cast.marsh).get(f"/requests/{item.number}/check")

    assert [row["account"] for row in page.context["preview"]["balances"]] == ["ALD-01"]


def test_checking_writes_nothing(cast):
    item = cast.draft()

    signed_in(cast.marsh).get(f"/requests/{item.number}/check")

    item.refresh_from_db()
    assert item.status == "draft"


def test_submitting_shows_the_request_with_its_reference(cast):
    item, client = cast.draft(), signed_in(cast.marsh)
    shown = agreement(client.get(f"/requests/{item.number}/check"))

    answer = client.post(f"/requests/{item.number}/submit", shown)

    item.refresh_from_db()
    assert answer.headers["Location"] == f"/requests/{item.number}"
    assert (item.status, item.submitted_fingerprint) == ("submitted", shown["fingerprint"])
    assert f"Request {item.number}" in client.get(answer.headers["Location"]).content.decode()


def test_the_same_details_sent_twice_are_one_request(cast):
    client, answers = signed_in(cast.marsh), cast.details(key=same_key())

    first, second = client.post(NEW, answers), client.post(NEW, answers)

    assert first.headers["Location"] == second.headers["Location"]
    assert transfers().count() == 1


def test_the_same_details_sent_again_after_a_colleague_submitted_them_are_one_request(cast):
    colleague = make.person(cast.marsh.organisation, "team_admin")
    client, other, answers = signed_in(cast.marsh), signed_in(colleague), cast.details()
    client.post(NEW, answers)
    item = last_request()
    shown = agreement(other.get(f"/requests/{item.number}/check"))
    other.post(f"/requests/{item.number}/submit", shown)

    again = client.post(NEW, answers)

    assert again.headers["Location"] == f"/requests/{item.number}"
    assert [(each.status, each.submitter) for each in transfers()] == [("submitted", colleague)]


def test_a_key_that_a_colleague_used_leads_to_what_it_stands_for(cast):
    colleague = make.person(cast.marsh.organisation, "team_admin")
    answers = cast.details()
    signed_in(cast.marsh).post(NEW, answers)
    other = signed_in(colleague)

    again = other.post(NEW, answers)
    shown = agreement(other.get(again.headers["Location"]))
    other.post(f"/requests/{last_request().number}/submit", shown)

    assert [(each.status, each.submitter) for each in transfers()] == [("submitted", colleague)]


def test_going_back_and_changing_the_details_changes_the_draft(cast):
    client, key = signed_in(cast.marsh), same_key()

    client.post(NEW, cast.details(key=key, volume="400"))
    client.post(NEW, cast.details(key=key, volume="300"))

    assert transfers().get().volume == 300


def test_going_back_after_submitting_shows_the_first_result(cast):
    client, key = signed_in(cast.marsh), same_key()
    client.post(NEW, cast.details(key=key))
    item = last_request()
    shown = agreement(client.get(f"/requests/{item.number}/check"))
    client.post(f"/requests/{item.number}/submit", shown)

    details = client.post(NEW, cast.details(key=key, volume="1"))
    check = client.get(f"/requests/{item.number}/check")
    again = client.post(f"/requests/{item.number}/submit", {"fingerprint": "0" * 64})

    item.refresh_from_db()
    assert (item.status, item.volume, transfers().count()) == ("submitted", 400, 1)
    for answer in (details, check, again):
        assert answer.headers["Location"] == f"/requests/{item.number}"


@pytest.mark.parametrize(
    "typed",
    [
        "\uff11\uff10\uff10",
        "\u0663\u0660",
        "5_000",
        "1.0",
        "+7",
        "0",
        "-1",
        "5,00",
        "1e3",
        "",
        "007",
        "1\x000",
        "9" * 19,
    ],
)
def test_a_quantity_is_ascii_digits_or_nothing_is_written(cast, typed):
    answer = signed_in(cast.marsh).post(NEW, cast.details(volume=typed))

    assert answer.status_code == 422
    assert not transfers().exists()


def test_all_is_what_is_available_or_every_chosen_number(cast):
    cast.submitted(400)
    client = signed_in(cast.marsh)

    client.post(NEW, cast.details(volume=" All "))
    assert last_request().volume == 600

    client.post(NEW, cast.details(volume="all", numbers="11-20"))
    assert (last_request().volume, last_request().ranges) == (10, ((11, 20),))

    cast.submitted(600)
    nothing = client.post(NEW, cast.details(volume="all"))
    assert nothing.status_code == 422
    assert "None is available" in nothing.content.decode()


def test_thousands_may_be_grouped(cast):
    signed_in(cast.marsh).post(NEW, cast.details(volume="1,000"))

    assert last_request().volume == 1000


def test_more_than_is_available_is_refused_with_a_way_on(cast):
    cast.submitted(400)

    answer = signed_in(cast.marsh).post(NEW, cast.details(volume="700"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "You asked for 700; 600 are available." in page
    assert 'name="volume" value="600"' in page


def test_two_drafts_cannot_both_ask_for_what_is_held_once(cast):
    first, second = cast.draft(600), cast.draft(700)
    client = signed_in(cast.marsh)
    shown = agreement(client.get(f"/requests/{second.number}/check"))
    cast.submitted(600)

    answer = client.post(f"/requests/{second.number}/submit", shown)
    page = client.get(f"/requests/{second.number}/check")

    second.refresh_from_db()
    assert (answer.status_code, second.status) == (422, "draft")
    for each in (answer, page):
        assert "You ask for 700; 400 are available." in each.content.decode()
        assert "Submit transfer" not in each.content.decode()
    assert agreement(client.get(f"/requests/{cast.draft(400).number}/check"))
    assert first.status == "draft"


def test_the_approver_sees_that_more_is_asked_for_than_is_held(cast):
    item = cast.submitted(600)
    over = cast.draft(700)
    services.submit_request(request_id=over.id, submitter=cast.marsh)

    page = signed_in(cast.approver).get(f"/approvals/{item.number}")

    assert page.context["all_passed"] is False
    assert "Together they ask for 300 SOL more than the account holds" in page.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"source": "COB-01/SOL"}, {"target": "NONE-1"}, {"target": "ALD-01"}, {"key": "x"}],
)
def test_a_choice_that_was_not_offered_is_refused(cast, wrong):
    make.mint(cast.target, 50, commodity=cast.commodity)

    answer = signed_in(cast.marsh).post(NEW, cast.details(**wrong))

    assert answer.status_code == 422
    assert not transfers().exists()


def test_a_posted_status_is_ignored(cast):
    signed_in(cast.marsh).post(NEW, {**cast.details(), "status": "approved"})

    assert last_request().status == "draft"


def test_part_of_a_chosen_block_is_its_lowest_numbers(cast):
    cast.executed(400)
    client = signed_in(cast.marsh)
    block = rows("SELECT item_id FROM ledger.leaves WHERE first_no = 401")[0]["item_id"]

    form = client.get(f"{NEW}?block={block}").context["form"]
    client.post(NEW, cast.details(volume="50", numbers=form["numbers"].value()))

    assert form["volume"].value() == 600
    assert last_request().ranges == ((401, 450),)


def test_numbers_can_be_typed_instead_of_a_quantity(cast):
    signed_in(cast.marsh).post(NEW, cast.details(volume="", numbers="101-150, 200"))

    item = last_request()
    assert (item.volume, item.ranges) == (51, ((101, 150), (200, 200)))


@pytest.mark.parametrize(
    ("volume", "numbers", "sentence"),
    [
        ("", "", "Say how many certificates, or choose their numbers."),
        ("60", "101-150", "The chosen numbers are 50."),
        ("", "1-2000", "You asked for 2,000; 1,000 are available."),
        ("", "150-101", "plain digits, the lower number first"),
    ],
)
def test_quantity_and_numbers_must_fit_and_are_kept_as_typed(cast, volume, numbers, sentence):
    answer = signed_in(cast.marsh).post(NEW, cast.details(volume=volume, numbers=numbers))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert numbers in page
    assert not transfers().exists()


def test_an_account_to_send_from_can_be_named_in_the_address(cast):
    client = signed_in(cast.marsh)

    assert client.get(f"{NEW}?account=ALD-01").context["form"]["source"].value() == "ALD-01/SOL"
    assert client.get(f"{NEW}?account=COB-01").status_code == 404
    assert client.get(f"{NEW}?account=NONE").status_code == 404


def test_somebody_elses_block_cannot_be_chosen(cast):
    cast.executed(400)
    block = rows("SELECT item_id FROM ledger.leaves WHERE first_no = 1")[0]["item_id"]

    form = signed_in(cast.marsh).get(f"{NEW}?block={block}").context["form"]

    assert form["numbers"].value() is None


def test_with_no_block_ticked_there_is_nothing_to_ask_for(cast):
    page = signed_in(cast.marsh).get(f"{NEW}?ticked=yes")

    assert page.status_code == 422
    assert "Tick a block first" in page.content.decode()


def test_blocks_of_two_commodities_are_not_one_transfer(cast):
    wind = make.commodity(code="WND", name="Wind")
    make.mint(cast.source, 10, commodity=wind)
    ids = [row["item_id"] for row in rows("SELECT item_id FROM ledger.leaves")]

    answer = signed_in(cast.marsh).get(NEW, {"block": ids})

    assert answer.status_code == 422


def test_blocks_that_changed_after_the_check_stop_the_submission(cast):
    item = cast.draft(400)
    client = signed_in(cast.marsh)
    stale = agreement(client.get(f"/requests/{item.number}/check"))
    cast.executed(100)

    answer = client.post(f"/requests/{item.number}/submit", stale)

    item.refresh_from_db()
    assert (answer.status_code, item.status) == (409, "draft")
    assert "PREVIEW_CHANGED" in answer.content.decode()
    assert answer.context["preview"]["fingerprint"] != stale["fingerprint"]


def test_what_the_ledger_would_refuse_cannot_be_submitted(cast):
    item = cast.draft(5000)

    page = signed_in(cast.marsh).get(f"/requests/{item.number}/check")

    assert page.status_code == 422
    assert "INSUFFICIENT_TOTAL_BALANCE" in page.content.decode()
    assert "Submit transfer" not in page.content.decode()


def test_a_draft_is_changed_through_its_details(cast):
    item, client = cast.draft(400), signed_in(cast.marsh)

    shown = client.get(f"/requests/{item.number}/details").context["form"]
    client.post(f"/requests/{item.number}/details", cast.details(volume="250"))

    item.refresh_from_db()
    assert (shown["volume"].value(), item.volume) == (400, 250)


def test_a_failed_request_is_copied_into_a_new_one(cast):
    item = cast.draft(250)

    form = signed_in(cast.marsh).get(f"{NEW}?copy={item.number}").context["form"]

    assert form["volume"].value() == 250
    assert form["key"].value() != item.idempotency_key
