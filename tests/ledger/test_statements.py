"""The statement of a retirement: one each, found by its reference alone, and checked when asked."""

import random
import uuid
from datetime import date

import pytest

from registry.models import Request
from registry.reference import SYMBOLS, NotAReference, tidy
from tests import histories, make
from tests.ledger import look
from tests.ledger.wrongs import tamper

CLAIM = {
    "beneficiary": "Town of Exampleton",
    "beneficiary_country": "CZ",
    "beneficiary_place": "Exampleton",
    "reason": "Supply of 2026",
    "consumption_start": date(2026, 1, 1),
    "consumption_end": date(2026, 1, 31),
}
TYPED = ("Town of Exampleton", "CZ", "Exampleton", "Supply of 2026", *list(CLAIM.values())[4:])


def reference_of(request: Request) -> str:
    return look.value("SELECT reference FROM ledger.statement(%s)", request.transaction_id)


def public(reference: str, columns: str = "transaction_id") -> list[tuple]:
    return look.rows(
        f"SELECT {columns} FROM ledger.public_statement(%s)", reference, using="default"
    )


def checked(reference: str) -> tuple:
    return public(reference, "link_holds, blocks, blocks_retired")[0]


def ranges(request: Request, after: int = 0, limit: int | None = None) -> list[tuple]:
    return look.rows(
        "SELECT first_no, last_no, volume FROM ledger.statement_ranges(%s, %s, %s)",
        request.transaction_id,
        after,
        limit,
    )


# -- References


def test_a_reference_follows_from_the_link_and_never_changes(committed_db):
    made = look.value(
        "SELECT ledger.statement_reference(%s, 403, %s)", uuid.UUID(int=7), bytes(range(32))
    )

    # Written down once: statements on paper depend on it.
    assert made == "BN9R5F80GG000CKG"
    assert tidy(made) == made


def test_every_executed_retirement_has_one_of_its_own(committed_db):
    source = make.account(holding=100)
    retired = [make.retire(source, 5) for _ in range(4)]

    references = [reference_of(request) for request in retired]

    assert len(set(references)) == 4
    for request, reference in zip(retired, references, strict=True):
        assert public(reference) == [(request.transaction_id,)]


def test_replayed_retirements_have_theirs_too(committed_db, tmp_path):
    histories.open_window(committed_db)
    histories.play(histories.write(tmp_path / "history.jsonl", histories.random_history(3)))

    retired = Request.objects.filter(kind="retire", status="executed")

    references = [reference_of(request) for request in retired]
    assert len(references) > 1
    assert len(set(references)) == len(references)
    assert all(public(each)[0] for each in references)


def test_nothing_but_an_executed_retirement_has_a_statement(committed_db):
    source, target = make.account(holding=100), make.account()
    others = [make.transfer(source, target, 5), make.retire_request(source, 5)]

    for request in [*others, *Request.objects.filter(kind="mint")]:
        assert look.rows("SELECT FROM ledger.statement(%s)", request.transaction_id) == []
        assert ranges(request) == []


def test_the_reference_of_a_link_that_is_no_retirement_leads_nowhere(committed_db):
    make.account(holding=100)
    would_be = look.value(
        "SELECT ledger.statement_reference(t.request_id, c.height, c.hash) FROM ledger.chain c"
        " JOIN ledger.transactions t ON t.id = c.transaction_id"
    )

    assert public(would_be) == []


def test_a_reference_that_is_nearly_right_leads_nowhere(committed_db):
    reference = reference_of(make.retire(make.account(holding=100), 5))
    near = {
        reference[:place] + symbol + reference[place + 1 :]
        for place in range(len(reference))
        for symbol in SYMBOLS
        if symbol != reference[place]
    }

    assert (
        look.rows(
            "SELECT r FROM unnest(%s::text[]) r WHERE ledger.statement_of(r) IS NOT NULL",
            list(near),
        )
        == []
    )


@pytest.mark.parametrize(
    "text", ["", "A", "0" * 16, "0" * 10, "0" * 11, "Z" * 20, "0" * 400, "' OR 1=1 --", "é" * 16]
)
def test_what_is_no_reference_leads_nowhere(committed_db, text):
    make.retire(make.account(holding=100), 5)

    assert public(text) == []


@pytest.mark.parametrize("height", [1, 31, 32, 2**25 - 1, 2**25, 2**45 - 1])
def test_a_reference_holds_the_height_and_grows_with_it(committed_db, height):
    made = look.value(
        "SELECT ledger.statement_reference(%s, %s, %s)", uuid.uuid4(), height, random.randbytes(32)
    )

    assert len(made) == 16 + max(0, (height.bit_length() - 21) // 5)
    assert look.value("SELECT ledger.base32_number(%s)", made[10:-1]) == height
    assert tidy(made) == made


def test_the_check_symbol_is_the_same_in_the_database_and_on_the_page(committed_db):
    dice = random.Random(20261121)
    texts = ["".join(dice.choices(SYMBOLS, k=15)) for _ in range(500)]

    made = look.rows("SELECT t || ledger.base32_check(t) FROM unnest(%s::text[]) t", texts)

    assert [tidy(text) for (text,) in made] == [text for (text,) in made]
    for (text,) in made:
        place, other = dice.randrange(16), dice.choice(SYMBOLS)
        if other != text[place]:
            with pytest.raises(NotAReference):
                tidy(text[:place] + other + text[place + 1 :])


def test_neither_the_hash_nor_the_request_alone_gives_the_reference(committed_db):
    make_reference = "SELECT ledger.statement_reference(%s, 9, %s)"
    one, other = (uuid.UUID(int=n) for n in (1, 2))
    low, high = bytes(32), bytes([255]) * 32

    made = {look.value(make_reference, who, what) for who in (one, other) for what in (low, high)}

    assert len({each[:10] for each in made}) == 4


# -- What it says


def test_a_statement_says_what_was_retired_by_whom_and_for_whom(committed_db):
    organisation = make.organisation(name="Brightwater Supply")
    sun = make.commodity(code="SOL", name="Solar", unit="kWh", unit_per_certificate=100)
    source = make.account(30, organisation=organisation, commodity=sun)
    done = make.retire(source, 10, commodity=sun, **CLAIM)

    found = look.rows(
        "SELECT number, height, organisation, commodity, commodity_name, unit,"
        " unit_per_certificate, volume, ranges, claim_published, request_number"
        " FROM ledger.statement(%s)",
        done.transaction_id,
    )
    claim = look.rows(
        "SELECT beneficiary, beneficiary_country, beneficiary_place, reason, consumption_start,"
        " consumption_end FROM ledger.statement(%s)",
        done.transaction_id,
    )

    assert found == [
        ("SOL-2", 2, "Brightwater Supply", "SOL", "Solar", "kWh", 100, 10, 1, False, done.number)
    ]
    assert claim == [TYPED]


def test_ranges_are_those_that_were_retired_and_not_what_stayed(committed_db):
    source = make.account(holding=100)

    done = make.retire(source, None, ranges=((5, 9), (20, 20), (31, 40)))

    assert ranges(done) == [(5, 9, 5), (20, 20, 1), (31, 40, 10)]
    assert ranges(done, 5, 1) == [(20, 20, 1)]
    assert ranges(done, 31, 1) == []


def test_neighbouring_blocks_of_one_batch_are_one_range(committed_db):
    source, target = make.account(holding=60), make.account()
    for _ in range(3):
        make.transfer(source, target, 20)

    done = make.retire(target, 60)

    assert look.value("SELECT count(*) FROM ledger.leaves WHERE first_no <= 60") == 3
    assert ranges(done) == [(1, 60, 60)]
    assert checked(reference_of(done)) == (True, 3, 3)


def test_neighbours_of_two_batches_stay_two_ranges(committed_db):
    source = make.account(holding=10)
    make.mint(source, 10)

    assert ranges(make.retire(source, 20)) == [(1, 10, 10), (11, 20, 10)]


# -- What the public may read


def test_a_published_claim_is_read_by_whoever_has_the_reference(committed_db):
    done = make.retire(make.account(holding=9), 3, claim_published=True, **CLAIM)

    assert public(
        reference_of(done),
        "beneficiary, beneficiary_country, beneficiary_place, reason, consumption_start,"
        " consumption_end",
    ) == [TYPED]


def test_of_an_unpublished_claim_nothing_that_was_typed_is_read(committed_db):
    done = make.retire(make.account(holding=9), 3, note="For Exampleton", **CLAIM)

    (row,) = public(reference_of(done), "*")

    assert not [value for value in row if value and ("Exampleton" in str(value) or value == "CZ")]
    assert "Supply of 2026" not in row
    assert date(2026, 1, 1) not in row


def test_a_claim_is_not_published_unless_somebody_says_so(committed_db):
    assert make.retire_request(make.account(holding=9), 3).claim_published is False


def test_whether_a_claim_is_published_is_frozen_with_the_request(committed_db):
    done = make.retire(make.account(holding=9), 3)

    with pytest.raises(Exception, match="REQUEST_FROZEN"):
        Request.objects.filter(id=done.id).update(claim_published=True)


# -- Whether it still holds


def test_a_sound_retirement_is_confirmed_whatever_happens_next(committed_db):
    source = make.account(holding=100)
    reference = reference_of(make.retire(source, 10))

    make.transfer(source, make.account(), 20)
    make.retire(source, 10)

    assert checked(reference) == (True, 1, 1)


def test_an_edited_retirement_is_not_confirmed(committed_db):
    done = make.retire(make.account(holding=100), 10)
    reference = reference_of(done)

    tamper(
        committed_db,
        "transaction_items",
        "UPDATE ledger.transaction_items SET last_no = last_no + 1, volume = volume + 1"
        f" WHERE transaction_id = {done.transaction_id} AND first_no = 1",
    )

    assert checked(reference)[0] is False


def test_a_retired_block_that_came_back_to_life_is_not_confirmed(committed_db):
    source = make.account(holding=100)
    reference = reference_of(make.retire(source, 10))

    tamper(
        committed_db,
        "leaves",
        f"UPDATE ledger.leaves SET account_id = '{source.pk}' WHERE first_no = 1",
    )

    assert checked(reference) == (True, 1, 0)


def test_a_changed_hash_takes_the_reference_with_it(committed_db):
    done = make.retire(make.account(holding=100), 10)
    reference = reference_of(done)

    tamper(
        committed_db,
        "chain",
        f"UPDATE ledger.chain SET hash = sha256(hash) WHERE transaction_id = {done.transaction_id}",
    )

    assert public(reference) == []


# -- Who may read


def test_the_executing_logins_read_no_statement(committed_db):
    reference = reference_of(make.retire(make.account(holding=100), 10))

    for login in ("ledger_service", "ledger_replay"):
        with pytest.raises(Exception, match="permission denied"):
            committed_db.connect(login).execute(
                "SELECT FROM ledger.public_statement(%s)", (reference,)
            )
