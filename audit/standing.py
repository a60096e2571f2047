"""What every page that has a date needs: its fields, its address of now, and its lasting link."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from audit import tables
from registry.selectors.positions import Standing

FIELDS = ("as_of", "at")


def typed(request: HttpRequest, *others: str) -> dict[str, str]:
    """Return what the address says of the moment, and of the other fields of a page."""
    return {name: tables.typed(request, name) for name in (*others, *FIELDS)}


def context(own: str, stands: Standing, of: Mapping[str, str]) -> dict[str, Any]:
    """
    Return where a page stands, and its addresses of now and of the heights that it shows.

    :param own: the address of the page without a query
    :param of: what was typed; what is not of the moment is kept in both addresses
    """
    kept = {name: value for name, value in of.items() if value and name not in FIELDS}
    return {
        "standing": stands,
        "now": link(own, kept),
        "permanent": link(own, {**kept, "at": stands.link}) if stands.marks else "",
        "query": stands.carried,
    }


def link(own: str, values: Mapping[str, str]) -> str:
    """Write an address with what is not empty of a query."""
    found = urlencode({name: value for name, value in values.items() if value})
    return f"{own}?{found}" if found else own
