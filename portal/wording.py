"""A retirement in the words of its statement, on the page and on paper. Pure."""

from datetime import date
from typing import Any

HOW = (
    "Anybody can check this statement without signing in: point a camera at the code, or open the"
    " address and type the reference. The page asks the ledger as it is then, works out the hash"
    " of the link again, and says whether the certificates are still retired. Compare what it says"
    " with this statement."
)


def sentence(facts: dict[str, Any]) -> str:
    """Say in one sentence what was retired, by whom and for whom."""
    certificates = "certificate" if facts["volume"] == 1 else "certificates"
    return (
        f"{facts['organisation']} retired {facts['volume']:,} {certificates}"
        f" ({facts['commodity_name']}) for {for_whom(facts)}."
    )


def for_whom(facts: dict[str, Any]) -> str:
    """Name the beneficiary with place and country."""
    parts = (facts[name] for name in ("beneficiary", "beneficiary_place", "beneficiary_country"))
    return ", ".join(part for part in parts if part)


def vintage(first: date, last: date) -> str:
    """Write a production period: ``Mar 2026`` when it is a month or a part of one."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first:%b %Y}"
    return f"{first:%b %Y} to {last:%b %Y}"


def energy(facts: dict[str, Any]) -> str:
    """Write what the certificates stand for: ``10 MWh``."""
    return f"{facts['volume'] * facts['unit_per_certificate']:,} {facts['unit']}"
