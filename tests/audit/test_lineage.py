"""Blocks with their parents and children, and transactions."""

import pytest

from ledgerdb.reads import rows
from tests import make
from tests.portal.cast import signed_in


def block_at(first, last):
    found = rows(
        "SELECT id FROM ledger.transaction_items WHERE first_no = %s AND last_no = %s",
        (first, last),
    )
    return found[-1]["id"]


def page_of(person, first, last):
    return signed_in(person).get(f"/blocks/{block_at(first, last)}")


def test_a_consumed_block_leads_to_its_children(cast):
    cast.executed(400)

    context = page_of(cast.marsh, 1, 1000).context

    children = [(b["first"], b["last"], b["holder"]) for b in context["children"]]
    assert children == [(1, 400, "Cobalt Grid"), (401, 1000, "Alder Wind")]
    assert context["this"]["spent_number"] == "SOL-2"


def test_a_child_leads_back_to_its_parent(cast):
    cast.executed(400)

    context = page_of(cast.marsh, 401, 1000).context

    assert context["parent"]["block_id"] == block_at(1, 1000)
    assert [b["first"] for b in context["siblings"]] == [1, 401]
    assert context["children"] == []


def test_the_receiver_sees_its_block_and_the_sender_and_no_more(cast):
    cast.executed(400)

    answer = page_of(cast.cole, 1, 400)

    assert answer.context["parent"]["holder"] == "Alder Wind"
    assert not answer.context["parent"]["is_open"]
    assert [b["first"] for b in answer.context["siblings"]] == [1]
    assert page_of(cast.cole, 1, 1000).status_code == 404
    assert page_of(cast.cole, 401, 1000).status_code == 404


def test_beyond_the_hop_a_holder_is_another_account(cast):
    cast.executed(400)
    third = make.account(organisation=make.organisation(name="Canary Power"), code="CAN-01")
    make.transfer(cast.target, third, 100, commodity=cast.commodity)

    sent = page_of(cast.marsh, 1, 400)
    everything = page_of(cast.approver, 1, 400)

    assert [b["holder"] for b in sent.context["children"]] == ["Another account"] * 2
    assert "SOL-3" not in sent.content.decode()
    assert [b["holder"] for b in everything.context["children"]] == ["Canary Power", "Cobalt Grid"]


def test_a_block_that_is_not_there_is_like_somebody_elses(cast):
    client = signed_in(cast.outsider)

    assert client.get(f"/blocks/{block_at(1, 1000)}").status_code == 404
    assert client.get("/blocks/999999").status_code == 404
    assert client.get(f"/blocks/{10**30}").status_code == 404


def test_the_picture_is_as_wide_below_as_above(cast):
    cast.executed(400)

    text = page_of(cast.marsh, 1, 1000).content.decode()

    assert text.count('class="bar"') == 1
    assert text.count('class="cut"') == 1


def test_a_transaction_shows_in_and_out_and_balanced_postings(cast):
    cast.executed(400)

    context = signed_in(cast.cole).get("/transactions/SOL-2").context

    assert sum(b["volume"] for b in context["consumed"]) == 1000
    assert sum(b["volume"] for b in context["created"]) == 1000
    assert [(p["account"], p["debit"], p["credit"]) for p in context["postings"]] == [
        ("ALD-01", 400, 0),
        ("COB-01", 0, 400),
    ]


def test_a_mint_consumes_nothing(cast):
    context = signed_in(cast.marsh).get("/transactions/SOL-1").context

    assert context["consumed"] == []
    assert [b["volume"] for b in context["created"]] == [1000]


@pytest.mark.parametrize("number", ["SOL-99", "SOL", "SOL-x", "-1", "SOL-" + "9" * 30, "NO-1"])
def test_a_number_that_is_no_transaction_is_not_found(cast, number):
    assert signed_in(cast.approver).get(f"/transactions/{number}").status_code == 404


def test_somebody_elses_transaction_is_not_found(cast):
    cast.executed(400)

    assert signed_in(cast.outsider).get("/transactions/SOL-2").status_code == 404


def test_an_expiry_shows_each_holder_its_own(cast):
    old = make.commodity(code="OLD", name="Old", months_transferable=1, months_to_expiry=1)
    make.mint(cast.source, 5, commodity=old)
    make.mint(cast.target, 7, commodity=old)
    make.done(make.expire_request(old))
    number = rows(
        "SELECT max(height) AS height FROM ledger.chain WHERE commodity_id = %s", (old.id,)
    )[0]["height"]

    mine = signed_in(cast.marsh).get(f"/transactions/OLD-{number}")
    whole = signed_in(cast.approver).get(f"/transactions/OLD-{number}").context

    assert [b["volume"] for b in mine.context["consumed"]] == [5]
    assert [b["volume"] for b in mine.context["created"]] == [5]
    assert "COB-01" not in mine.content.decode()
    assert [b["volume"] for b in whole["consumed"]] == [5, 7]
