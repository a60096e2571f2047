"""What an account holds, now and then."""

import re
from datetime import timedelta

import pytest

from registry import dates, services
from registry.selectors import accounts
from tests import make
from tests.portal.cast import signed_in

PAGE = "/accounts/ALD-01/holdings"


def held(client, query=""):
    return client.get(PAGE + query).context["held"]


def test_the_equation_adds_up_and_the_table_with_it(cast):
    cast.submitted(400)

    page = signed_in(cast.marsh).get(PAGE)

    total = page.context["held"].total
    assert (total.available, total.reserved, total.held) == (600, 400, 1000)
    assert page.context["held"].all_volume == total.held


def test_a_block_says_where_it_came_from(cast):
    cast.executed(400)

    sent = held(signed_in(cast.marsh)).blocks
    got = signed_in(cast.cole).get("/accounts/COB-01/holdings").context["held"].blocks

    assert [(b["first"], b["last"], b["acquired"]) for b in sent] == [(401, 1000, "Remainder")]
    assert [(b["first"], b["last"], b["acquired"]) for b in got] == [(1, 400, "From Alder Wind")]


def test_numbers_named_by_an_open_request_are_reserved(cast):
    item = cast.submitted(None, ranges=((1, 10),))

    page = signed_in(cast.marsh).get(PAGE).content.decode()

    assert "Reserved" in page
    assert f"Request {item.number}" in page
    assert 'name="block"' not in page


def test_certificates_past_their_date_cannot_be_transferred(cast):
    old = make.commodity(code="OLD", name="Old", months_transferable=1, months_to_expiry=900)
    make.mint(cast.source, 5, commodity=old)

    states = {b["commodity"]: b["state"] for b in held(signed_in(cast.marsh)).blocks}

    assert states == {"SOL": "available", "OLD": "locked"}


def test_filters_narrow_the_blocks_and_the_sum(cast):
    wind = make.commodity(code="WND", name="Wind")
    make.mint(cast.source, 70, commodity=wind)
    client = signed_in(cast.marsh)

    some = held(client, "?commodity=WND")
    none = client.get(f"{PAGE}?commodity=WND&month=1999-01")

    assert (some.total.held, some.all_volume, some.all_blocks) == (70, 70, 1)
    assert "No blocks match" in none.content.decode()


@pytest.mark.parametrize("query", ["?state=%00", "?after=x", "?after=SOL-%EF%BC%91", "?month='"])
def test_nonsense_in_the_address_breaks_nothing(cast, query):
    assert signed_in(cast.marsh).get(PAGE + query).status_code == 200


def test_long_lists_go_on_where_they_stopped(cast, monkeypatch):
    monkeypatch.setattr(accounts, "PAGE", 3)
    for n in range(4):
        make.transfer(
            cast.source,
            cast.target,
            None,
            commodity=cast.commodity,
            ranges=((n * 2 + 1, n * 2 + 1),),
        )
    client = signed_in(cast.marsh)

    first = client.get(PAGE).context
    second = client.get(f"{PAGE}?{first['next']}").context

    numbers = [b["first"] for page in (first, second) for b in page["held"].blocks]
    assert len(numbers) == first["held"].all_blocks == 4
    assert numbers == sorted(numbers)
    assert second["next"] == ""


def test_the_past_is_read_only_and_says_so(cast):
    day = dates.today() - timedelta(days=1)

    page = signed_in(cast.marsh).get(f"{PAGE}?as_of={day:%Y-%m-%d}")
    text = page.content.decode()

    assert "You are looking at the past" in text
    assert "Transfer" not in text.split("<main")[1]
    assert "post" not in re.sub(r'<form method="post" action="/sign-out">', "", text)
    assert page.context["held"].total.held == 0


def test_today_as_a_date_shows_what_became_of_each_block(cast):
    cast.executed(400)

    page = signed_in(cast.marsh).get(f"{PAGE}?as_of={dates.today():%Y-%m-%d}")

    assert page.context["held"].total.held == 600
    assert "Still held" in page.content.decode()


@pytest.mark.parametrize("typed", ["06/07/2026", "tomorrow", "2999-01-01", "%00"])
def test_a_bad_date_is_refused_with_an_example(cast, typed):
    page = signed_in(cast.marsh).get(f"{PAGE}?as_of={typed}")

    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.content.decode()


def test_an_account_of_somebody_else_is_like_one_that_never_was(cast):
    client = signed_in(cast.outsider)

    assert client.get(PAGE).status_code == 404
    assert client.get("/accounts/NONE/holdings").status_code == 404
    assert "ALD-01" not in client.get("/accounts").content.decode()


def test_approvers_see_every_account_and_ask_from_none(cast):
    page = signed_in(cast.approver).get(PAGE).content.decode()

    assert "Transfer certificates" not in page
    assert "ALD-01" in signed_in(cast.approver).get("/accounts").content.decode()


def test_a_serial_is_copied_as_plain_digits(cast):
    make.mint(cast.source, 4000, commodity=cast.commodity)

    text = signed_in(cast.marsh).get(PAGE).content.decode()

    serial = re.search(r'<span class="serial">(1<i>001.*?)</span>\s*</a>', text, re.DOTALL)[1]
    digits = re.sub(r"<span aria-hidden.*?</span>|<[^>]+>", "", serial)
    assert digits == "1001 to 5000"


def test_an_open_request_counts_once_decided_no_more(cast):
    item = cast.submitted(400)
    services.reject_request(request_id=item.id, approver=cast.approver, reason="No")

    assert held(signed_in(cast.marsh)).total.reserved == 0
