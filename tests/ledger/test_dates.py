"""The dates of certificates: until when they move, and when they expire, to the microsecond."""

from datetime import date, timedelta

import pytest
from django.db import connections

from registry import services
from registry.models import Account, Commodity, Region
from tests import make
from tests.ledger import look, past
from tests.ledger.past import at

TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("produced_until", "months", "zone", "expected"),
    [
        ("2024-01-31", 12, "UTC", "2025-02-01"),
        ("2024-01-31", 18, "UTC", "2025-08-01"),
        ("2023-02-28", 12, "UTC", "2024-03-01"),
        ("2024-02-28", 12, "UTC", "2025-02-28"),  # 29 February has no anniversary
        ("2024-02-29", 12, "UTC", "2025-03-01"),
        ("2022-08-30", 18, "UTC", "2024-02-29"),
        ("2023-08-30", 18, "UTC", "2025-02-28"),
        ("2023-08-29", 18, "UTC", "2025-02-28"),
        ("2024-12-31", 12, "UTC", "2026-01-01"),
        ("2024-03-15", 0, "UTC", "2024-03-16"),
        ("2024-01-31", 12, "Europe/Prague", "2025-01-31T23:00"),
        ("2024-01-31", 18, "Europe/Prague", "2025-07-31T22:00"),
        ("2023-03-25", 12, "Europe/Prague", "2024-03-25T23:00"),
        ("2024-03-30", 0, "Europe/Prague", "2024-03-30T23:00"),
        ("2024-03-31", 0, "Europe/Prague", "2024-03-31T22:00"),
        ("2024-01-31", 12, "America/New_York", "2025-02-01T05:00"),
        ("2024-01-31", 12, "Pacific/Kiritimati", "2025-01-31T10:00"),
    ],
)
def test_dates_are_whole_months_after_the_last_day_of_production(
    committed_db, produced_until, months, zone, expected
):
    commodity = make.commodity(months_transferable=months, months_to_expiry=months, time_zone=zone)

    done = make.mint(
        make.account(),
        5,
        commodity=commodity,
        production_start=date(2022, 1, 1),
        production_end=date.fromisoformat(produced_until),
    )

    batch = look.batch(done)
    assert batch["transferable_until"] == batch["expires_at"] == at(expected)


def test_without_months_certificates_never_stop(committed_db):
    batch = look.batch(make.mint(make.account(), 5))

    assert (batch["transferable_until"], batch["expires_at"]) == (None, None)


def test_guarantees_of_origin_move_for_twelve_months_and_live_for_eighteen(committed_db):
    commodity = make.commodity(months_transferable=12, months_to_expiry=18)

    batch = look.batch(make.mint(make.account(), 5, commodity=commodity))

    assert batch["transferable_until"] == at("2027-02-01")
    assert batch["expires_at"] == at("2027-08-01")


def test_the_dates_of_a_batch_stay_when_the_rules_change(committed_db):
    commodity = make.commodity(months_to_expiry=18)
    done = make.mint(make.account(), 5, commodity=commodity)

    Commodity.objects.filter(pk=commodity.pk).update(months_to_expiry=6)

    assert look.batch(done)["expires_at"] == at("2027-08-01")


def test_a_sessions_time_zone_changes_nothing(committed_db):
    commodity = make.commodity(months_to_expiry=18, time_zone="Europe/Prague")
    with connections["ledger"].cursor() as cursor:
        cursor.execute("SET TimeZone = 'Pacific/Kiritimati'; SET DateStyle = 'SQL, DMY'")

    done = make.mint(make.account(), 5, commodity=commodity)

    assert look.batch(done)["expires_at"] == at("2027-07-31T22:00")


# -- The last moment. Produced in January 2024; Prague is an hour ahead of UTC in winter.

ENDS = {
    "UTC": (at("2025-02-01T00:00"), at("2025-08-01T00:00")),
    "Europe/Prague": (at("2025-01-31T23:00"), at("2025-07-31T22:00")),
}
ZONES = pytest.mark.parametrize("zone", ENDS)


def january(database, zone: str) -> tuple[Commodity, Account]:
    """Make an account that holds 1 to 100 of a commodity of 12 and 18 months."""
    past.allow(database)
    commodity = make.commodity(months_transferable=12, months_to_expiry=18, time_zone=zone)
    source = make.account()
    request = make.mint_request(
        source,
        100,
        commodity=commodity,
        production_start=date(2024, 1, 1),
        production_end=date(2024, 1, 31),
        occurred_at=at("2024-02-15"),
    )
    past.done(request)
    return commodity, source


@ZONES
def test_the_last_moment_to_transfer_is_the_one_before_the_date(committed_db, zone):
    commodity, source = january(committed_db, zone)
    last, _ = ENDS[zone]
    of = {"commodity": commodity}

    before = make.transfer_request(source, make.account(), 5, occurred_at=last - TICK, **of)
    then = make.transfer_request(source, make.account(), 5, occurred_at=last, **of)

    assert past.outcome(before) == "done"
    assert past.outcome(then) == "INSUFFICIENT_TOTAL_BALANCE"
    assert look.balance(source) == 95


@ZONES
def test_named_numbers_past_the_date_are_against_the_rules(committed_db, zone):
    commodity, source = january(committed_db, zone)
    last, _ = ENDS[zone]
    of = {"commodity": commodity, "ranges": ((1, 5),)}

    then = make.transfer_request(source, make.account(), None, occurred_at=last, **of)

    assert past.outcome(then) == "COMMODITY_RULE"


@ZONES
def test_the_last_moment_to_retire_is_the_one_before_the_expiry(committed_db, zone):
    commodity, source = january(committed_db, zone)
    _, expiry = ENDS[zone]
    of = {"commodity": commodity}

    before = make.retire_request(source, 5, occurred_at=expiry - TICK, **of)
    then = make.retire_request(source, 5, occurred_at=expiry, **of)
    numbers = make.retire_request(source, None, ranges=((50, 60),), occurred_at=expiry, **of)

    assert past.outcome(before) == "done"
    assert past.outcome(then) == "INSUFFICIENT_TOTAL_BALANCE"
    assert past.outcome(numbers) == "COMMODITY_RULE"


@ZONES
def test_certificates_expire_at_their_date_and_not_before(committed_db, zone):
    commodity, source = january(committed_db, zone)
    _, expiry = ENDS[zone]

    before = make.expire_request(commodity, occurred_at=expiry - TICK)
    then = make.expire_request(commodity, occurred_at=expiry)

    assert past.outcome(before) == "VOLUME_NOT_POSITIVE"
    assert past.outcome(then) == "done"
    assert look.held(look.system_account(commodity, "expiry")) == [(1, 100)]
    assert look.held(source) == []


@ZONES
def test_between_the_two_dates_certificates_may_still_change_region(committed_db, zone):
    commodity, source = january(committed_db, zone)
    last, expiry = ENDS[zone]
    Commodity.objects.filter(pk=commodity.pk).update(reassignable=True)
    north, south = Region.objects.get(), make.region()
    services.allow_region_change(
        commodity=commodity, from_region=north, to_region=south, valid_from=date(2020, 1, 1)
    )
    of = {"commodity": commodity}

    between = make.region_request(source, 5, north, south, occurred_at=last, **of)
    after = make.region_request(source, 5, north, south, occurred_at=expiry, **of)

    assert past.outcome(between) == "done"
    assert past.outcome(after) == "INSUFFICIENT_TOTAL_BALANCE"


@pytest.mark.parametrize(
    ("zone", "at_text", "expected"),
    [
        ("UTC", "2024-01-30T23:59:59.999999", "RANGE_INVALID"),
        ("UTC", "2024-01-31T00:00", "done"),
        ("Europe/Prague", "2024-01-30T22:59:59.999999", "RANGE_INVALID"),
        ("Europe/Prague", "2024-01-30T23:00", "done"),
        ("America/New_York", "2024-01-31T04:59", "RANGE_INVALID"),
        ("America/New_York", "2024-01-31T05:00", "done"),
    ],
)
def test_a_period_may_end_today_where_the_commodity_is_at_home(
    committed_db, zone, at_text, expected
):
    past.allow(committed_db)
    request = make.mint_request(
        make.account(),
        5,
        commodity=make.commodity(time_zone=zone),
        production_start=date(2024, 1, 1),
        production_end=date(2024, 1, 31),
        occurred_at=at(at_text),
    )

    assert past.outcome(request) == expected


@pytest.mark.parametrize(
    ("zone", "at_text", "expected"),
    [
        ("UTC", "2024-02-29T23:59:59.999999", "REGION_NOT_ALLOWED"),
        ("UTC", "2024-03-01T00:00", "done"),
        ("UTC", "2024-03-31T23:59:59.999999", "done"),
        ("UTC", "2024-04-01T00:00", "REGION_NOT_ALLOWED"),
        ("Europe/Prague", "2024-02-29T23:00", "done"),
        ("Europe/Prague", "2024-03-31T21:59:59.999999", "done"),
        ("Europe/Prague", "2024-03-31T22:00", "REGION_NOT_ALLOWED"),
    ],
)
def test_a_region_rule_holds_on_both_its_days_where_the_commodity_is_at_home(
    committed_db, zone, at_text, expected
):
    commodity, source = january(committed_db, zone)
    Commodity.objects.filter(pk=commodity.pk).update(reassignable=True)
    north, south = Region.objects.get(), make.region()
    services.allow_region_change(
        commodity=commodity,
        from_region=north,
        to_region=south,
        valid_from=date(2024, 3, 1),
        valid_to=date(2024, 3, 31),
    )

    request = make.region_request(
        source, 5, north, south, commodity=commodity, occurred_at=at(at_text)
    )

    assert past.outcome(request) == expected
