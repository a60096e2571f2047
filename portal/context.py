"""What the frame of every page shows: who is signed in, the tabs, and what waits."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from registry import access
from registry.selectors import notices, requests

# Pages that a tab leads to, whose addresses do not begin with its own.
BELOW = {
    "/registry": ("/organisations", "/facilities", "/commodities", "/regions", "/log", "/expiry"),
    "/facilities": ("/commodities",),
}


def frame(request: HttpRequest) -> dict[str, Any]:
    """Offer the frame to templates; nothing is asked of the database until one uses it."""
    return {"frame": SimpleLazyObject(lambda: _frame(request))}


def _frame(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"tabs": [], "role": "", "may_submit": False}
    counts = requests.counts(user)
    own = access.sees_only(user) is not None
    tabs = [("Overview", reverse("portal:home"), 0, "")]
    if access.may(user, access.Right.SEE_QUEUE):
        tabs.append(("Approvals", reverse("portal:approvals"), counts["waiting"], "waiting"))
    tabs.append(("Holdings" if own else "Accounts", reverse("audit:accounts"), 0, ""))
    tabs.append(("Requests", reverse("portal:requests"), counts.get("open", 0), "open"))
    tabs.append(("Transactions", reverse("audit:transactions"), 0, ""))
    if not own:
        tabs.append(("Who held it", reverse("audit:who_held"), 0, ""))
        tabs.append(("Conservation", reverse("audit:conservation"), 0, ""))
        tabs.append(("Reconciliation", reverse("audit:reconciliation"), 0, ""))
    if own and access.may(user, access.Right.SEE_ORGANISATION):
        tabs.append(("Organisation", reverse("portal:organisations"), 0, ""))
    if own:
        tabs.append(("Facilities", reverse("portal:facilities"), 0, ""))
    else:
        tabs.append(("Registry", reverse("portal:registry"), 0, ""))
    if access.may(user, access.Right.SEE_TEAM):
        tabs.append(("Team", reverse("portal:team"), 0, ""))
    return {
        "tabs": [
            {"label": label, "url": url, "count": count, "word": word, "here": _here(request, url)}
            for label, url, count, word in tabs
        ],
        "role": access.describe(user),
        "may_submit": access.may(user, access.Right.SUBMIT),
        "unread": notices.unread(user),
        "suspended": access.is_suspended(user),
    }


def _here(request: HttpRequest, url: str) -> bool:
    return any(
        request.path == each or (each != "/" and request.path.startswith(f"{each}/"))
        for each in (url, *BELOW.get(url, ()))
    )
