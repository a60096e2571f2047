"""Where the page of each thing is: one line a thing. A thing without a line cannot be found."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode


def _page(route: str) -> Callable[..., str]:
    return lambda *names: reverse(route, args=names)


def _certificate(commodity: str, number: int, block: int) -> str:
    return f"{reverse('audit:block', args=[block])}?{urlencode({'number': number})}"


def _holdings(account: str, as_of: str) -> str:
    return f"{reverse('audit:holdings', args=[account])}?{urlencode({'as_of': as_of})}"


# The names that an address is made of are those that `registry.selectors.search` finds a thing by.
PLACES: dict[str, Callable[..., str]] = {
    "certificate": _certificate,
    "block": _page("audit:block"),
    "transaction": _page("audit:transaction"),
    "request": _page("portal:request"),
    "approval": _page("portal:approval"),
    "account": _page("audit:holdings"),
    "holdings": _holdings,
    "statement": _page("portal:verify"),
    "facility": _page("portal:facility"),
    "organisation": _page("portal:organisation"),
    "notices": _page("portal:notices"),
    "home": _page("portal:home"),
    "replay-run": _page("portal:replay-run"),
    "replay-compare": _page("portal:replay-compare"),
    "replay-variance": _page("portal:replay-variance"),
    "replay-variances": _page("portal:replay-variances"),
}


def of(what: str, *names: Any) -> str:
    """Return the address of a thing's page."""
    return PLACES[what](*names)
