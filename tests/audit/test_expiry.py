"""The page on expiry: what is due, what will be, and the runs that swept it."""

import pytest

from tests import make
from tests.audit.conftest import main
from tests.portal.cast import signed_in, somebody

PAGE = "/expiry"


@pytest.fixture
def old(cast):
    """A commodity of which Alder and Cobalt hold 150 certificates past their time."""
    return cast.holds_expired()


def seen(person):
    return signed_in(person).get(PAGE)


def test_what_is_due_is_summed_by_commodity(cast, old):
    page = seen(somebody(cast, "auditor"))

    (due,) = page.context["due"]
    assert (due["code"], due["volume"], due["blocks"], due["accounts"]) == ("OLD", 150, 2, 2)
    assert "28 Jul 2023" in main(page)
    assert "Prepare" not in main(page)


def test_an_operator_prepares_the_run_from_there(cast, old):
    client = signed_in(somebody(cast, "operator"))
    page = client.get(PAGE)

    link = "/requests/new/expiry?commodity=OLD"
    assert f'href="{link}"' in main(page)
    assert '<option value="OLD" selected>' in client.get(link).content.decode()
    assert client.get("/requests/new/expiry?commodity=NOPE").status_code == 200


def test_what_will_expire_is_listed_by_its_last_day(cast):
    make.mint_ending(cast.source, 70, days=30)
    make.mint_ending(cast.source, 30, days=200)

    page = seen(somebody(cast, "operator"))

    assert page.context["due"] == []
    assert [row["volume"] for row in page.context["coming"]] == [70]
    assert "Nothing is due. Nothing expires before the end of" in main(page)


def test_a_run_under_way_and_a_past_one_are_shown(cast, old):
    run = make.done(make.expire_request(old))
    waiting = make.expire_request(old)

    page = seen(somebody(cast, "auditor"))

    (past,) = page.context["past"]
    assert (past["number"], past["request"], past["volume"], past["accounts"]) == (
        "OLD-3", run.number, 150, 2
    )  # fmt: skip
    assert [item.number for item in page.context["waiting"]] == [waiting.number]
    assert page.context["due"] == []


def test_where_nothing_expires_the_page_says_so(cast):
    page = main(seen(somebody(cast, "approver")))

    assert "No commodity has certificates that expire." in page
    assert "No run yet." in page


def test_what_was_retired_or_swept_is_not_due(cast, old):
    make.done(make.expire_request(old))

    assert seen(somebody(cast, "operator")).context["due"] == []
