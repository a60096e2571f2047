"""Who held a certificate: on a date, all along, and in whose eyes."""

import random

import pytest

from registry import moments
from registry.selectors import custody
from tests import make
from tests.audit import played
from tests.audit.conftest import cells, main
from tests.portal.cast import signed_in, somebody


def ask(client, question):
    return client.get("/who-held", {"q": question})


def sentence(page):
    return cells(page.content.decode(), r'<p class="sentence">(.*?)</p>')[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_holder_at_any_instant_is_what_a_replay_says(committed_db, seed):
    history, dice = played.play(seed), random.Random(seed)

    for moment in history.moments(dice, 12):
        then = history.at(moment)
        for number in dice.sample(range(1, len(history.now) + 1), 6):
            certificate = custody.Certificate(
                {"id": history.commodity.pk, "code": history.commodity.code}, number
            )
            answer = custody.who_held(certificate, as_of=moments.of(moment).query)
            found = answer.holder and (answer.holder["account"], answer.holder["region"])
            codes = {region.name: region.code for region in history.regions}
            expected = then.get(number)
            assert (found and (found[0], codes[found[1]])) == expected


@pytest.mark.parametrize("seed", [4, 5])
def test_the_chain_of_custody_is_every_change_of_a_replay(committed_db, seed):
    history = played.play(seed)
    auditor = make.person(make.organisation("regulator"), "auditor")

    for number in random.Random(seed).sample(range(1, len(history.now) + 1), 8):
        page = custody.chain_of(auditor, history.commodity.code, number, {})
        shown = [hop["account"] for hop in page["hops"] if not hop["stayed"]][::-1]
        changes = [step.held[number] for step in history.steps if number in step.held]
        moved = [
            account
            for n, (account, region) in enumerate(changes)
            if n == 0 or changes[n - 1] != (account, region)
        ]
        # A change of region stays in the account: a hop that stayed, and no change of holder.
        holders = [each for n, each in enumerate(moved) if n == 0 or moved[n - 1] != each]
        assert shown == holders


def test_the_answer_is_a_sentence_with_block_account_and_transactions(cast, auditor):
    cast.executed(400)

    page = ask(auditor, "SOL 200")

    assert sentence(page) == "Now, SOL 200 is held by Cobalt Grid in account COB-01."
    holder = page.context["answer"].holder
    assert (holder["number"], holder["sender"], holder["first"], holder["last"]) == (
        "SOL-2", "Alder Wind", 1, 400,
    )  # fmt: skip


def test_a_past_holder_says_which_transaction_ended_it(cast, auditor):
    cast.executed(400)

    page = auditor.get("/who-held", {"certificate": "SOL 200", "at": "SOL-1"})

    assert sentence(page) == (
        "At ledger position SOL-1, SOL 200 was held by Alder Wind in account ALD-01."
    )


@pytest.mark.parametrize(
    "text",
    ["SOL 200", "sol 200", "SOL-200", "SOL200", "  SOL   2 0 0 ", "SOL #200", "SOL 2\u2009 00"],
)
def test_a_certificate_is_typed_in_many_ways(cast, text):
    assert custody.read(text).name == "SOL 200"


def test_the_longest_commodity_that_fits_is_meant(cast):
    make.commodity(code="SOL2", name="Other")

    assert custody.read("SOL2 00").commodity["code"] == "SOL2"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("COAL 5", "Start with a commodity: SOL."),
        ("SOL", "Add the number"),
        ("SOL \uff11", "One number, in digits"),
        ("SOL 1-5", "One number, in digits"),
        ("SOL " + "9" * 30, "larger than any certificate"),
        ("SOL 5000", "The nearest minted range is 1 to 1000, from Fieldgate Solar"),
        ("SOL 0", "The nearest minted range is 1 to 1000"),
        ("SOL 5 on 05/06/2026", "Type a date such as 31 May 2026"),
        ("SOL 5 on 1 Jan 2999", "in the future"),
        ("SOL 5 on 31 June 2026", "Type a date"),
        ("SOL\x00 5", "One number, in digits"),
    ],
)
def test_what_cannot_be_answered_gets_a_named_answer(cast, auditor, question, words):
    page = ask(auditor, question)

    assert page.status_code == 422
    assert words in page.content.decode()
    assert 'aria-invalid="true"' in page.content.decode()


def test_two_fields_say_which_of_them_is_wrong(cast, auditor):
    page = auditor.get("/who-held", {"certificate": "SOL 5", "on": "tomorrow"})

    assert page.context["mistakes"].keys() == {"on"}
    assert 'value="tomorrow"' in page.content.decode()


def test_before_its_issue_a_certificate_was_not_minted_until_then(cast, auditor):
    page = ask(auditor, "SOL 5 on 1 Jan 2020")

    assert page.status_code == 200
    assert "was not minted until" in sentence(page)


def test_a_permanent_link_says_the_same_after_more_transactions(cast, auditor):
    cast.executed(400)
    link = auditor.get("/certificates/SOL/200").context["permanent"]
    asked = {"certificate": "SOL 200", "at": "SOL-2"}
    before = [main(auditor.get(link)), main(auditor.get("/who-held", asked))]

    make.transfer(cast.target, cast.source, 300, commodity=cast.commodity)
    make.retire(cast.source, 100, commodity=cast.commodity)

    assert [main(auditor.get(link)), main(auditor.get("/who-held", asked))] == before
    assert "SOL-3" in auditor.get("/certificates/SOL/200").content.decode()


@pytest.mark.parametrize("at", ["SOL-99", "SOL-0", "NO-1", "SOL-1.SOL-1", "x", "SOL-" + "9" * 40])
def test_a_position_that_never_was_is_not_found(cast, auditor, at):
    assert auditor.get("/certificates/SOL/200", {"at": at}).status_code == 404
    assert auditor.get("/who-held", {"certificate": "SOL 5", "at": at}).status_code == 404


@pytest.mark.parametrize("number", ["0", "1001", "x", "\uff11", "9" * 40])
def test_a_certificate_that_never_was_is_not_found_with_help(cast, auditor, number):
    page = auditor.get(f"/certificates/SOL/{number}")

    assert page.status_code == 404
    assert "nearest minted range" in page.content.decode()


def test_an_organisation_sees_its_own_hops_and_others_are_another_account(cast):
    cast.executed(400)
    third = make.account(organisation=make.organisation(name="Canary Power"), code="CAN-01")
    fourth = make.account(organisation=make.organisation(name="Canary Coal"), code="CAN-02")
    make.transfer(cast.target, third, 400, commodity=cast.commodity)
    make.transfer(third, fourth, 400, commodity=cast.commodity)

    sender = signed_in(cast.marsh).get("/certificates/SOL/5")
    between = signed_in(cast.cole).get("/certificates/SOL/5")

    assert [hop["holder"] for hop in sender.context["hops"]] == [
        "Another account", "Cobalt Grid", "Alder Wind",
    ]  # fmt: skip
    assert [hop["holder"] for hop in between.context["hops"]] == [
        "Another account", "Canary Power", "Cobalt Grid", "Another account",
    ]  # fmt: skip
    text = sender.content.decode()
    assert not any(word in text for word in ("Canary", "CAN-0", "SOL-3", "transactions/SOL-4"))
    assert sender.context["hops"][1]["until"] is None


def test_whoever_took_no_part_finds_nothing(cast):
    cast.executed(400)
    client = signed_in(cast.outsider)

    assert client.get("/certificates/SOL/5").status_code == 404
    assert client.get("/certificates/SOL/5000").status_code == 404


def test_who_held_is_for_those_who_see_everything(cast):
    assert signed_in(cast.marsh).get("/who-held").status_code == 403
    for role in ("operator", "approver", "auditor"):
        assert signed_in(somebody(cast, role)).get("/who-held").status_code == 200


def test_a_long_chain_goes_on_where_it_stopped(cast, auditor, monkeypatch):
    monkeypatch.setattr(custody, "PAGE", 2)
    for source, target in [(cast.source, cast.target), (cast.target, cast.source)] * 2:
        make.transfer(source, target, 400, commodity=cast.commodity)

    pages = [auditor.get("/certificates/SOL/5", {"after": after}).context for after in (0, 2, 4)]

    assert [page["more"] for page in pages] == [2, 4, 0]
    steps = [hop["step"] for page in pages for hop in page["hops"]]
    assert steps == [1, 2, 3, 4, 5]
    assert pages[1]["hops"][0]["until"] is not None


def test_examples_have_answers(cast, auditor):
    for example in custody.examples():
        assert ask(auditor, example).status_code == 200
