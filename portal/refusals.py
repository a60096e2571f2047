"""From the name of a refusal to the sentence a person reads."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from registry.selectors import errors

# Where a page can say it better than the ledger's own title, which does not know the page.
SENTENCES = {
    "INSUFFICIENT_TOTAL_BALANCE": "The account holds too few certificates that may be used here.",
    "BLOCK_NOT_HELD": "The account does not hold some of the chosen certificates.",
    "VOLUME_NOT_POSITIVE": "There is nothing to move: no quantity, or nothing due to expire.",
    "RANGE_INVALID": "The numbers or dates do not fit. A period ends today at the latest.",
    "PREVIEW_CHANGED": "The blocks have changed since you saw them.",
    "SELF_APPROVAL": "You submitted this request, so somebody else decides it.",
    "REQUEST_TRANSITION_INVALID": "Somebody else was faster: this request has already moved on.",
    "SAME_ACCOUNT": "You send from this account. Choose another one to receive.",
    "LOCK_NOT_AVAILABLE": "Somebody else is changing the same accounts.",
    "IDEMPOTENCY_KEY_REUSED": "This form was already sent with other answers. Start a new request.",
}


@dataclass(frozen=True)
class Refusal:
    """One refusal in words."""

    code: str
    sentence: str
    what_to_do: str
    status: int


def explain(code: str, facts: Any = None) -> Refusal:
    """
    Put a refusal into words; an unknown name stays a name and never becomes database text.

    :param facts: of a refusal that the services raised themselves: how many are ``available``, the
        others being ``reserved``
    """
    known: dict[str, Any] = {row["code"]: row for row in errors.every()}.get(code, {})
    if isinstance(facts, dict) and facts.get("reserved"):
        return Refusal(
            code=code,
            sentence=f"You ask for {facts['asked']:,}; {facts['available']:,} are available.",
            what_to_do="Open requests reserve what else is held. Enter a smaller quantity, or wait"
            " until they are decided.",
            status=known["http_status"],
        )
    return Refusal(
        code=code if known else "",
        sentence=SENTENCES.get(code) or known.get("title", "The ledger refused this."),
        what_to_do=known.get("what_to_do", "Nothing was written. Ask the registry."),
        status=known.get("http_status", 500),
    )


def page(request: HttpRequest, code: str) -> HttpResponse:
    """Show a refusal as a page of its own."""
    refusal = explain(code)
    return render(
        request, "portal/errors/refused.html", {"refusal": refusal}, status=refusal.status
    )
