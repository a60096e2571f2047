"""Expiry: what is past its date, what will be, and the runs that swept it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from ledgerdb import deadlines
from registry import access
from registry.access import Right
from registry.models import Commodity, Request, User
from registry.selectors import requests

AHEAD = 92
LAST = 10


def overview(user: User) -> dict[str, Any]:
    """
    Return what is due now, what will be in the next three months, and the runs.

    :raises Forbidden: the person sees only its own
    """
    access.require(user, Right.SEE_EVERYTHING)
    now = timezone.now()
    until = now + timedelta(days=AHEAD)
    asked = requests.visible(user).filter(kind=Request.Kind.EXPIRE)
    return {
        "due": deadlines.overdue(now),
        "coming": deadlines.coming(now, until),
        "until": until,
        "next": deadlines.first_after(now),
        "waiting": list(asked.filter(status__in=requests.OPEN).order_by("number")),
        "past": deadlines.sweeps(LAST),
        "expiring": Commodity.objects.exclude(months_to_expiry=None).exists(),
        "may_prepare": access.may(user, Right.PREPARE_EXPIRY),
    }
