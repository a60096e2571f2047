"""Lists of records: search, filters, pages."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from registry.access import SignedIn
from registry.selectors import records

# Name, label, what any is called, and the choices.
Filter = tuple[str, str, str, list[tuple[str, str]]]


def of(request: SignedIn, found: QuerySet[Any], filters: list[Filter]) -> dict[str, Any]:
    """Return what a list shows: a page of it, the filters, and how to go on."""
    text = typed(request, "q")
    chosen = {
        name: value
        for name, _, _, choices in filters
        if (value := request.GET.get(name, "")) in dict(choices)
    }
    page, after, count = records.listed(
        found, text=text, after=typed(request, "after"), chosen=chosen
    )
    asked = {name: value for name, value in {"q": text, **chosen}.items() if value}
    return {
        "page": page,
        "count": count,
        "text": text,
        "filters": [
            {"name": name, "label": label, "any": any_, "of": choices, "value": chosen.get(name)}
            for name, label, any_, choices in filters
        ],
        "filtered": bool(asked),
        "next": urlencode({**asked, "after": after}) if after else "",
        "first": not request.GET.get("after"),
    }


def typed(request: SignedIn, name: str) -> str:
    """Return what was typed, without what no text of the registry has."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:200]
