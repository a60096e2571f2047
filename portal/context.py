"""What the frame of every page shows: who is signed in, the tabs, and what waits."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from registry import access
from registry.access import Right
from registry.models import User
from registry.selectors import notices, requests


@dataclass(frozen=True)
class Tab:
    """
    A way in the frame: to one page, or to a group of them.

    ``below`` are the addresses of pages that it leads to and that do not begin with its own;
    ``counts`` is what the number beside it counts, ``needs`` who sees it at all.
    """

    label: str
    page: str = ""
    below: tuple[str, ...] = ()
    counts: str = ""
    needs: Right | None = None
    tabs: tuple["Tab", ...] = ()


OVERVIEW = Tab("Overview", "portal:home")
REQUESTS = Tab("Requests", "portal:requests", counts="open")
TRANSACTIONS = Tab("Transactions", "audit:transactions")
HELD = ("/holdings", "/blocks", "/certificates")

# Who works for an organisation sees its own, a page beside the other.
ORGANISATION = (
    OVERVIEW,
    Tab("Holdings", "audit:accounts", below=HELD),
    REQUESTS,
    TRANSACTIONS,
    Tab("Organisation", "portal:organisations", needs=Right.SEE_ORGANISATION),
    Tab("Facilities", "portal:facilities", below=("/commodities",)),
    Tab("Team", "portal:team", needs=Right.SEE_TEAM),
)
# Who sees everything has more pages than fit side by side.
EVERYTHING = (
    OVERVIEW,
    Tab("Approvals", "portal:approvals", counts="waiting", needs=Right.SEE_QUEUE),
    Tab(
        "Ledger",
        tabs=(
            Tab("Accounts", "audit:accounts", below=("/holdings", "/blocks")),
            REQUESTS,
            TRANSACTIONS,
            Tab("Who held it", "audit:who_held", below=("/certificates",)),
        ),
    ),
    Tab(
        "Oversight",
        tabs=(
            Tab("Reconciliation", "audit:reconciliation"),
            Tab("Conservation", "audit:conservation", below=("/batches",)),
            Tab("Activity", "audit:activity"),
            Tab("Expiry", "audit:expiry"),
        ),
    ),
    Tab("Replay", "portal:replay"),
    Tab(
        "Registry",
        tabs=(
            Tab("Records", "portal:registry", below=("/regions",)),
            Tab("Organisations", "portal:organisations"),
            Tab("Facilities", "portal:facilities"),
            Tab("Commodities", "portal:commodities"),
            Tab("Team", "portal:team", needs=Right.SEE_TEAM),
            Tab("Log", "portal:log"),
        ),
    ),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Offer the frame to templates; nothing is asked of the database until one uses it."""
    return {"frame": SimpleLazyObject(lambda: _frame(request))}


def _frame(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"tabs": [], "role": "", "may_submit": False}
    counts = requests.counts(user)
    tabs = EVERYTHING if access.sees_only(user) is None else ORGANISATION
    shown = _shown(request, user, tabs, counts)
    return {
        "tabs": shown,
        "group": next((tab for tab in shown if tab["here"] and tab["tabs"]), None),
        "role": access.describe(user),
        "may_submit": access.may_ask(user),
        "unread": notices.unread(user),
        "suspended": access.is_suspended(user),
    }


def _shown(
    request: HttpRequest, user: User, tabs: tuple[Tab, ...], counts: dict[str, int]
) -> list[dict[str, Any]]:
    """Describe the tabs that a person sees; a group leads to the first of its pages."""
    shown = []
    for tab in tabs:
        if tab.needs and not access.may(user, tab.needs):
            continue
        inner = _shown(request, user, tab.tabs, counts)
        url = inner[0]["url"] if inner else reverse(tab.page)
        here = any(each["here"] for each in inner) or _here(request, (url, *tab.below))
        shown.append(
            {
                "label": tab.label,
                "url": url,
                "count": counts.get(tab.counts, 0),
                "word": tab.counts,
                "here": here,
                "tabs": inner,
            }
        )
    return shown


def _here(request: HttpRequest, addresses: tuple[str, ...]) -> bool:
    return any(
        request.path == each or (each != "/" and request.path.startswith(f"{each}/"))
        for each in addresses
    )
