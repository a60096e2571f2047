"""Certificates that come near their last day."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from ledgerdb import deadlines
from registry.models import Account, User
from registry.selectors import accounts

Row = dict[str, Any]
AHEAD = 90


def near(now: datetime, *, days: int) -> list[Row]:
    """Return what anybody may use for only so many days more, the nearest first."""
    return deadlines.near(now, now + timedelta(days=days))


def of(user: User) -> list[Row]:
    """Return what a person's accounts hold that can be used for at most 90 days more."""
    trading = accounts.visible(user).filter(type=Account.Type.TRADING)
    now = timezone.now()
    return deadlines.near(
        now, now + timedelta(days=AHEAD), list(trading.values_list("id", flat=True))
    )


def group(row: Row) -> str:
    """Name what comes to its end together: of one account, one commodity, at one instant."""
    return f"{row['account']}:{row['commodity']}:{row['what']}:{row['at']:%Y-%m-%dT%H:%M}"
