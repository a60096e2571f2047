"""What an organisation that holds nothing yet does first."""

from dataclasses import dataclass
from typing import Any

from registry import access
from registry.models import Account, Facility, User
from registry.selectors import requests

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One thing to do; ``how`` says who does it, ``may_issue`` that this person can now."""

    done: bool
    what: str
    how: str
    may_issue: bool = False


def tasks(user: User, held: list[Row]) -> list[Task]:
    """Return the first tasks of a person's organisation; none once it has held anything."""
    if any(row["sums"] for row in held):
        return []
    own = user.organisation_id
    trading = [row["account"] for row in held if row["account"].type == Account.Type.TRADING]
    codes = " or ".join(account.code for account in trading)
    has_facility = Facility.objects.filter(organisation_id=own).exists()
    submitters = access.holders(access.Right.SUBMIT).filter(organisation_id=own).count()
    asked = requests.visible(user).filter(organisation_id=own).exists()
    receive = f"Others send to your account {codes}." if codes else "This needs an account first."
    return [
        Task(bool(trading), "Have a trading account", "The registry opens it."),
        Task(has_facility, "Register a facility, if you produce", "The registry registers it."),
        Task(submitters > 1, "Have two people who may submit", "So that one may be away."),
        Task(
            asked,
            "Ask for your first issue, or receive certificates",
            receive,
            may_issue=has_facility and bool(trading) and access.may(user, access.Right.SUBMIT),
        ),
    ]
