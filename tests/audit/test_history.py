"""The picture of a balance, and the dates that people type."""

from datetime import UTC, date, datetime, timedelta

import pytest

from audit import history
from registry import dates

TODAY = date(2026, 6, 30)


def day(when, balance, commodity="SOL"):
    return {"day": when, "balance": balance, "commodity": commodity}


def test_an_account_that_never_held_anything_has_no_picture():
    assert history.draw([], TODAY, None) is None


def test_the_line_starts_at_what_was_held_a_year_ago():
    drawn = history.draw([day(date(2020, 1, 1), 50), day(date(2026, 6, 1), 100)], TODAY, None)

    assert drawn.words.startswith("Balance at the end of each day, from 50 to 100")
    assert drawn.line.startswith("M0 53.0")
    assert drawn.line.endswith("H1180")


def test_commodities_add_up():
    steps = history.totals(
        [
            day(date(2026, 1, 1), 10),
            day(date(2026, 1, 2), 5, "WND"),
            day(date(2026, 1, 3), 2),
        ]
    )

    assert [total for _, total in steps] == [10, 15, 7]


def test_a_date_before_the_last_year_stretches_the_picture():
    drawn = history.draw([day(date(2024, 1, 1), 10)], TODAY, date(2024, 3, 1))

    assert drawn.marker == 0


@pytest.mark.parametrize("today", [date(2026, 12, 1), date(2027, 1, 30), date(2028, 2, 29)])
def test_each_month_of_a_year_is_named_once(today):
    names = history.draw([day(today, 1)], today, None).months

    assert len(set(names)) == 12
    assert names[0] in (f"{today:%b}", f"{today + timedelta(days=15):%b}")


@pytest.mark.parametrize("typed", ["31 May 2026", "2026-05-31", " 31  may 2026 "])
def test_a_date_is_typed_in_words_or_in_digits(typed):
    assert dates.parse_day(typed) == date(2026, 5, 31)


@pytest.mark.parametrize(
    "typed",
    ["06/07/2026", "31.05.2026", "May", "31 June 2026", "\uff12026-05-31", "0001-01-01", "\0"],
)
def test_anything_that_could_be_two_dates_is_refused(typed):
    with pytest.raises(dates.DateError):
        dates.parse_day(typed)


def test_the_future_is_refused():
    with pytest.raises(dates.DateError, match="future"):
        dates.parse_day(f"{dates.today() + timedelta(days=1):%Y-%m-%d}")


def test_nothing_typed_means_now():
    assert dates.parse_day("  ") is None


def test_a_day_ends_in_the_registrys_time_zone(settings):
    settings.REGISTRY_TIME_ZONE = "Europe/Berlin"

    # The night in which clocks go forward: the day has 23 hours.
    end = dates.end_of(date(2026, 3, 29))

    assert end.astimezone(UTC) == datetime(2026, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)
