"""The kept results of reconciliation, and whether one is missing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.http import Http404

from ledgerdb import pages, reads, runs
from registry import access, dates, moments
from registry.access import Right
from registry.models import User

Row = dict[str, Any]
DAYS = 30
# Where a run that is under way is noted, known to every process.
RUNNING = "reconciliation-running"
# A run that is a little late is not missed.
GRACE = timedelta(hours=1)
CHECKS = {
    "spent_input": "Unspent blocks are exactly those that were never consumed",
    "balance_drift": "Each stored balance is the sum of its postings",
    "asset_conservation": "The unspent blocks of each batch add up to what was minted",
    "posting_balance": "Credits equal debits in each transaction and batch",
}
UNITS = {
    "spent_input": "blocks",
    "balance_drift": "balances",
    "asset_conservation": "batches",
    "posting_balance": "sums",
}


def overview(
    user: User,
    *,
    run_id: int | None = None,
    key: UUID | None = None,
    moment: moments.Moment | None = None,
) -> Row:
    """
    Return the last run or the one asked for, a month of runs, and what is wrong or missing.

    :param moment: the last run up to then, and the month up to then

    :raises Forbidden: the person sees only its own
    :raises Http404: no such run
    """
    access.require(user, Right.SEE_EVERYTHING)
    # This order, or a run that ends in between is neither awaited nor shown.
    running = cache.get(RUNNING) is not None
    wanted = key is not None and runs.by_key(key) is None
    then = moment.at if moment else None
    found = runs.latest(then) if run_id is None else runs.run(run_id)
    if run_id is not None and found is None:
        raise Http404("No such run.")
    total, bad = runs.count()
    return {
        "run": found,
        "checks": _checks(found["result"]) if found else [],
        "drift": _drift(found["result"]) if found else [],
        "chains": _chains(found["result"]) if found else [],
        "seconds": (found["finished_at"] - found["started_at"]).total_seconds() if found else 0,
        "strip": strip(then),
        "missed": missed(found if run_id is None else runs.latest(), then),
        "running": wanted and running,
        "lost": wanted and not running,
        "runs": total,
        "bad_runs": bad,
        "may_run": access.may(user, Right.RECONCILE) and moment is None,
        "every": settings.RECONCILE_EVERY_HOURS,
    }


def prove() -> Row:
    """Run every check on the auditor's login, and keep nothing."""
    return reads.prove()


def kept(run_id: int) -> Row:
    """Return the result of one run."""
    found = runs.run(run_id)
    if found is None:
        raise Http404("No such run.")
    result: Row = found["result"]
    return result


def missed(last: Row | None, then: datetime | None = None) -> bool:
    """Say whether a run is overdue, or was then."""
    if last is None:
        # A history that was brought in is older than the registry that runs anything.
        return then is None and bool(pages.positions())
    due = timedelta(hours=settings.RECONCILE_EVERY_HOURS) + GRACE
    overdue: bool = (then or datetime.now(UTC)) - last["started_at"] > due
    return overdue


def strip(then: datetime | None = None) -> list[Row]:
    """Return the last days, or those up to then: what runs found, and where one is missing."""
    today = then.astimezone(moments.zone()).date() if then else dates.today()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    begun = runs.first()
    first = begun.astimezone(moments.zone()).date() if begun else today
    found: dict[date, list[Row]] = {day: [] for day in days}
    for run in runs.since(dates.start_of(days[0]), then):
        found[run["started_at"].astimezone(moments.zone()).date()].append(run)
    return [_day(day, found[day], first=first, today=today) for day in days]


def _day(day: date, there: list[Row], *, first: date, today: date) -> Row:
    bad = [run for run in there if not run["ok"]]
    if there:
        state = "bad" if bad else "good"
    elif day < first:
        state = "before"
    else:
        state = "due" if day == today else "missed"
    words = {
        "good": f"{len(there)} run{'' if len(there) == 1 else 's'}, all well",
        "bad": f"{len(bad)} of {len(there)} found violations",
        "missed": "no run",
        "due": "no run yet",
        "before": "before the first run",
    }
    run = (bad or there)[-1]["id"] if there else None
    return {"day": day, "state": state, "words": words[state], "run": run}


def _checks(result: Row) -> list[Row]:
    """Name each check, and link what it found."""
    examples = [each for check in result["checks"].values() for each in check["examples"]]
    numbers = pages.transaction_numbers(
        [row["transaction"] for row in examples if row.get("transaction")]
    )
    codes = runs.account_codes([row["account"] for row in examples if row.get("account")])
    return [
        {
            "name": name,
            "title": title,
            "unit": UNITS[name],
            **result["checks"][name],
            "found": [
                {
                    "facts": each,
                    "transaction": numbers.get(each.get("transaction", 0), ""),
                    "account": codes.get(each.get("account", ""), ""),
                }
                for each in result["checks"][name]["examples"]
            ],
        }
        for name, title in CHECKS.items()
    ]


def _chains(result: Row) -> list[Row]:
    """Return every chain, with the number of the transaction at which it does not hold."""
    return [
        {**chain, "bad": f"{chain['commodity']}-{chain['bad_height']}"}
        for chain in result["chains"]
    ]


def _drift(result: Row) -> list[tuple[str, int]]:
    drift = result["derived_drift"]
    found = [(name, drift[name]) for name in ("leaves", "account_balances", "heads")]
    # Runs of earlier versions kept no sums.
    return [*found, ("sums", result["sums_drift"])] if "sums_drift" in result else found
