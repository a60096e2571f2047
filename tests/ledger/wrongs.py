"""
Requests with something wrong, and what the ledger says to each.

A ``Wrong`` names a refusal and spoils a ``Case`` so that it must follow. Those of one function
stand in the order of its header: a case spoiled with several answers with the first.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.db import connections

from ledgerdb import calls
from ledgerdb.errors import LedgerError
from registry.models import Account, Commodity, Request, User
from tests import make
from tests.server import Database

SQL = Path(__file__).parents[2] / "ledgerdb" / "sql"
OTHER_PREVIEW = "0" * 64
# No request deserves these: others must interfere at the right moment (test_expire.py,
# test_expiry_races.py).
ONLY_IN_A_RACE = r"[A-Z_]+\s*\((?:overtaken|a\s+holder\s+appeared)[^)]*\)"


@dataclass
class Case:
    """A request that would succeed, until somebody spoils it."""

    database: Database
    kind: str
    commodity: Commodity
    asks: dict[str, Any]
    called_as: str = ""
    called_with: UUID | None = None
    called_by: UUID | None = None
    decided: bool = True
    fingerprint: str = ""
    # Runs between the approval and the call; what a good request is made of stays as it was given.
    afterwards: list[Callable[["Case", Request], None]] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.given, self.home = dict(self.asks), self.commodity
        self.approver = make.approver()

    def execute(self) -> int:
        """Submit, approve and execute the request; return the transaction's id."""
        request = make.request(self.kind, make.operator(), self.commodity, **self.asks)
        if self.decided:
            request = make.approve(request, self.fingerprint)
        for spoil in self.afterwards:
            spoil(self, request)
        return calls.execute(
            self.called_as or self.kind,
            request_id=self.called_with or request.pk,
            actor_id=self.called_by or self.approver.pk,
        )

    def outcome(self) -> str:
        """Execute the request; return "done" or the name of the refusal."""
        try:
            self.execute()
        except LedgerError as refused:
            return refused.code
        return "done"

    def admin(self) -> psycopg.Connection:
        """Connect as the administrator."""
        return self.database.connect(autocommit=True)


@dataclass(frozen=True)
class Wrong:
    """A refusal, and how to deserve it."""

    code: str
    why: str
    spoil: Callable[[Case], None]

    def __str__(self) -> str:
        return f"{self.code} {self.why}"


def wrong(code: str, why: str) -> Callable[[Callable[[Case], None]], Wrong]:
    """Turn a function that spoils a case into a ``Wrong``."""
    return lambda spoil: Wrong(code, why, spoil)


def asking(code: str, why: str, **asks: Any) -> Wrong:
    """Return the wrong of asking for exactly this."""
    return Wrong(code, why, lambda case: case.asks.update(asks))


def breaking(rule: str) -> Wrong:
    """Return the wrong of asking for what the commodity's rules do not allow."""

    def spoil(case: Case) -> None:
        Commodity.objects.filter(pk=case.commodity.pk).update(**{rule: False})

    return Wrong("COMMODITY_RULE", f"not {rule}", spoil)


# -- LOCK_REQUEST


@wrong("LOCK_NOT_AVAILABLE", "request busy")
def request_busy(case: Case) -> None:
    case.called_with = None
    case.afterwards.append(lambda case, request: hold(case, "public.registry_request", request.pk))


@wrong("REQUEST_NOT_FOUND", "unknown id")
def request_unknown(case: Case) -> None:
    case.called_with = uuid4()


@wrong("REQUEST_KIND_MISMATCH", "called as another kind")
def other_kind(case: Case) -> None:
    case.called_as = "retire" if case.kind == "transfer" else "transfer"


@wrong("REQUEST_NOT_APPROVED", "nobody decided")
def not_decided(case: Case) -> None:
    case.decided = False


@wrong("ACTOR_NOT_AUTHORISED", "called by somebody else")
def other_actor(case: Case) -> None:
    case.called_by = make.operator().pk


@wrong("SELF_APPROVAL", "one person with two sign-ins")
def same_person(case: Case) -> None:
    case.afterwards.append(
        lambda case, request: User.objects.filter(pk=case.approver.pk).update(
            person_id=make.operator().person_id
        )
    )


@wrong("ACTOR_NOT_AUTHORISED", "the approver has left")
def approver_left(case: Case) -> None:
    case.afterwards.append(
        lambda case, request: User.objects.filter(pk=case.approver.pk).update(is_active=False)
    )


REQUEST = [
    request_busy,
    request_unknown,
    other_kind,
    not_decided,
    other_actor,
    same_person,
    approver_left,
]


# -- EVENT_TIME


@wrong("EFFECTIVE_AT_IN_FUTURE", "stated for tomorrow")
def tomorrow(case: Case) -> None:
    case.asks["occurred_at"] = datetime.now(UTC) + timedelta(days=1)


@wrong("BACKDATING_FORBIDDEN", "stated for an hour ago")
def an_hour_ago(case: Case) -> None:
    case.asks["occurred_at"] = datetime.now(UTC) - timedelta(hours=1)


TIME = [tomorrow, an_hour_ago]


# -- LOCK_ACCOUNTS and CHECK_ACCOUNT


def account_busy(name: str) -> Wrong:
    """Return the wrong of an account that somebody else holds locked."""

    def spoil(case: Case) -> None:
        account = case.asks[name] = case.given[name]
        case.afterwards.append(
            lambda case, request: hold(case, "public.registry_account", account.pk)
        )

    return Wrong("LOCK_NOT_AVAILABLE", f"{name} busy", spoil)


def account_wrongs(name: str, type: str = "retirement") -> list[Wrong]:
    """Return what may be wrong with an account: none, of another type, not active."""

    def none(case: Case) -> None:
        case.asks[name] = None

    def of_type(case: Case) -> None:
        status = case.asks[name].status
        case.asks[name] = make.account(
            organisation=case.given[name].organisation, type=type, status=status
        )

    def suspended(case: Case) -> None:
        account = case.asks[name]
        account.status = Account.Status.SUSPENDED
        account.save()

    return [
        Wrong("ACCOUNT_NOT_FOUND", f"no {name}", none),
        Wrong("ACCOUNT_TYPE_INVALID", f"{name} is a {type} account", of_type),
        Wrong("ACCOUNT_NOT_ACTIVE", f"{name} suspended", suspended),
    ]


@wrong("ACCOUNT_NOT_FOUND", "no system account")
def no_system_account(case: Case) -> None:
    case.commodity = Commodity.objects.create(code="BARE", name="Without system accounts")


# -- CHOOSE_BLOCKS: the case's source holds 1 to 100, and 101 to 150 past their dates.


@wrong("NUMBERS_OUTSIDE_FILTER", "numbers of another period")
def outside_filter(case: Case) -> None:
    case.asks.update(ranges=((1, 10),), volume=None, filter_produced_from=date(2999, 1, 1))
    # By number, a block that is not counted as held is not held: its own refusal.
    case.afterwards.clear()


@wrong("LEAF_SHORTFALL", "a block is not counted as held")
def leaf_lost(case: Case) -> None:
    case.asks.update(volume=100, ranges=None)
    case.afterwards.append(
        lambda case, request: tamper(
            case.database, "leaves", "DELETE FROM ledger.leaves WHERE first_no = 1"
        )
    )


CHOICE = [
    asking("RANGE_INVALID", "quantity differs from numbers", ranges=((1, 10),), volume=11),
    asking("VOLUME_NOT_POSITIVE", "zero", ranges=None, volume=0),
    asking("BLOCK_NOT_HELD", "numbers nobody has", ranges=((101, 151),), volume=None),
    asking("COMMODITY_RULE", "numbers past their dates", ranges=((101, 110),), volume=None),
    outside_filter,
    asking("INSUFFICIENT_TOTAL_BALANCE", "more than held", ranges=None, volume=151),
    leaf_lost,
]


# -- The end of every function


@wrong("PREVIEW_CHANGED", "another preview was approved")
def preview_changed(case: Case) -> None:
    case.fingerprint = OTHER_PREVIEW


@wrong("LOCK_NOT_AVAILABLE", "head busy")
def head_busy(case: Case) -> None:
    case.afterwards.append(
        lambda case, request: hold(case, "ledger.heads", case.commodity.pk, "commodity_id")
    )


@wrong("CLOCK_REGRESSION", "the last transaction is of tomorrow")
def clock_went_back(case: Case) -> None:
    case.afterwards.append(
        lambda case, request: tamper(
            case.database,
            "transactions",
            "UPDATE ledger.transactions SET occurred_at = now() + interval '1 day'"
            " WHERE id = (SELECT max(id) FROM ledger.transactions)",
        )
    )


END = [preview_changed, head_busy, clock_went_back]


def a_holding(database: Database, code: str = "", **rules: Any) -> tuple[Commodity, Account]:
    """Make an account that holds 1 to 100, and 101 to 150 whose dates are past."""
    commodity = make.commodity(months_transferable=12, months_to_expiry=18, **rules)
    account = make.account(**({"code": code} if code else {}))
    make.mint(account, 100, commodity=commodity, **period(months_ago=1))
    make.mint(account, 50, commodity=commodity, **period(months_ago=30))
    return commodity, account


def period(months_ago: int) -> dict[str, Any]:
    """Return the production period that was the month so many months ago."""
    now = datetime.now(UTC)
    months = now.year * 12 + now.month - 1 - months_ago
    first = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
    last = datetime((months + 1) // 12, (months + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)
    return {"production_start": first.date(), "production_end": last.date()}


def spoiled(case: Case, *wrongs: Wrong) -> Case:
    """Spoil a case, the last wrong first, so that none is undone by a later one."""
    for each in reversed(wrongs):
        each.spoil(case)
    return case


def header_codes(file: str) -> list[str]:
    """Return the refusals that the header of a function's file names, in order."""
    return _codes_of((SQL / file).read_text())


def _codes_of(text: str) -> list[str]:
    found = re.search(r"^-- Refuses[^:]*:(.*?)\.$", text, re.MULTILINE | re.DOTALL)
    assert found, text[:80]
    said = re.sub(ONLY_IN_A_RACE, "", found[1].replace("\n--", " "))
    said = re.sub(r"\([^)]*\)", "", said)
    codes: list[str] = []
    for as_in, code in re.findall(r"(\bas\s+)?\b([A-Z]+(?:_[A-Z]+)+)\b", said):
        codes += _codes_of(_shared(code)) if as_in else [code]
    return codes


def _shared(step: str) -> str:
    text = (SQL / "050_checks.sql").read_text()
    return text[text.index(f"\n-- {step}: ") :]


def tamper(database: Database, table: str, *statements: str) -> None:
    """Change a table of the ledger, or one with its schema, behind its guards: as a superuser."""
    name_of = table if "." in table else f"ledger.{table}"
    with psycopg.connect(database.dsn()) as connection:
        # What tests.mutants switched off stays so.
        guards = connection.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
            " AND tgenabled <> 'D'",
            (name_of,),
        ).fetchall()
        connection.execute(f"ALTER TABLE {name_of} DISABLE TRIGGER ALL")
        for statement in statements:
            connection.execute(statement)
        for (name,) in guards:
            connection.execute(f"ALTER TABLE {name_of} ENABLE ALWAYS TRIGGER {name}")


def hold(case: Case, table: str, key: Any, column: str = "id") -> None:
    """Keep a row locked by somebody else, and let the ledger fail fast."""
    holder = case.database.connect()
    holder.execute(f"SELECT FROM {table} WHERE {column} = %s FOR UPDATE", (key,))
    with connections["ledger"].cursor() as cursor:
        cursor.execute("SET ledger.lock_wait = 'nowait'")
