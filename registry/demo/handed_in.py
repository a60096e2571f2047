"""What people hand in: meter readings with an issue, and lists of requests."""

import csv
import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

from registry import services
from registry.demo import cast, clock
from registry.demo.plot import Event
from registry.identity import id_of
from registry.models import Account, Evidence, Request, User
from registry.selectors import accounts

CUSTOMERS = ("LIN-01", "LAG-01", "LAG-02", "NOV-01")


def evidence(event: Event, submitter: User) -> dict[str, Any]:
    """Return the meter readings that go with an issue that waits for its decision."""
    if (event.kind, event.outcome) != ("mint", "submitted"):
        return {}
    day, last = event.asks["production_start"], event.asks["production_end"]
    days = (last - day).days + 1
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(("day", "meter", "MWh"))
    for number in range(days):
        # The days add up to what is asked for.
        made = event.asks["volume"] * (number + 1) // days - event.asks["volume"] * number // days
        lines.writerow((day + timedelta(days=number), event.asks["facility"], made))
    file: Evidence = services.keep_evidence(
        uploader=submitter,
        name=f"Meter readings {event.asks['facility']} {day:%B %Y}.csv",
        type=Evidence.Type.CSV,
        content=written.getvalue().encode(),
    )
    return {"evidence": file}


def uploads(now: datetime) -> None:
    """Upload a list of sales that is not submitted yet, and one of retirements that is."""
    with clock.at(now):
        _keep("nora@cobalt.example", Request.Kind.TRANSFER, "deliveries.csv", _sales)
        number = _keep("tobias@lindenau.example", Request.Kind.RETIRE, "claims.csv", _claims)
        if number:
            submitter = User.objects.get(email="tobias@lindenau.example")
            services.submit_upload(number=number, submitter=submitter)


def _keep(email: str, kind: str, name: str, rows_of: Any) -> int | None:
    submitter = User.objects.get(email=email)
    rows = rows_of(submitter)
    if not rows:
        return None
    upload = services.keep_upload(
        submitter=submitter,
        kind=kind,
        idempotency_key=id_of("upload", name),
        name=name,
        size=60 * len(rows),
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        rows=[(number, asks) for number, asks in enumerate(rows, start=2)],
    )
    return upload.number


def _sales(submitter: User) -> list[dict[str, Any]]:
    """Sell a little of the largest holding to each customer, several times."""
    held = _largest(submitter)
    if held is None:
        return []
    targets = {each.code: each for each in Account.objects.filter(code__in=CUSTOMERS)}
    return [
        {
            "source": held["account"],
            "target": targets[CUSTOMERS[number % len(CUSTOMERS)]],
            "commodity": held["market"],
            "volume": max(1, held["sum"].available // 60) + number,
            "note": f"Delivery {number + 1}, framework contract",
        }
        for number in range(12)
    ]


def _claims(submitter: User) -> list[dict[str, Any]]:
    """Retire a little for each of some customers."""
    held = _largest(submitter)
    if held is None:
        return []
    return [
        {
            "source": held["account"],
            "target": accounts.retirement_account(held["account"]),
            "commodity": held["market"],
            "volume": max(1, held["sum"].available // 40),
            "beneficiary": name,
            "beneficiary_country": country,
            "beneficiary_place": place,
            "reason": "Supply under a green tariff",
        }
        for name, country, place in cast.BENEFICIARIES[:3]
    ]


def _largest(submitter: User) -> dict[str, Any] | None:
    held = [row for row in accounts.sources(submitter) if row["sum"].available > 100]
    return max(held, key=lambda row: row["sum"].available, default=None)
