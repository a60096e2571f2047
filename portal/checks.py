"""What was checked before a decision, in sentences. Pure: the ledger did the checking."""

from dataclasses import dataclass
from typing import Any

from portal.refusals import Refusal
from registry import access
from registry.models import Request, User

BLOCKS = {
    Request.Kind.MINT: "The numbers follow those of the last batch.",
    Request.Kind.EXPIRE: "All are unspent, and their time is over.",
}


@dataclass(frozen=True)
class Check:
    """One check and how it went."""

    name: str
    passed: bool
    sentence: str


def of(
    user: User,
    item: Request,
    preview: dict[str, Any] | None,
    refusal: Refusal | None,
    available: int = 0,
) -> list[Check]:
    """
    Return the checks of a request that waits for this person's decision.

    :param available: what all open requests, this one too, leave of what its account holds
    """
    if preview is None:
        return [_eyes(user, item), _refused(refusal)]
    others = [_others(item, available)] if available < 0 else []
    return [_eyes(user, item), *_ledger(item, preview), *others]


def passed(checks: list[Check]) -> bool:
    """Say whether every check passed."""
    return all(check.passed for check in checks)


def _eyes(user: User, item: Request) -> Check:
    own = access.is_same_person(user, item.submitter)
    return Check(
        "Decided by someone else",
        not own,
        "You submitted this request." if own else "You did not submit this request.",
    )


def _refused(refusal: Refusal | None) -> Check:
    sentence = refusal.sentence if refusal else "No preview."
    return Check("The ledger", False, f"{sentence} Reject it, or decide when this has changed.")


def _others(item: Request, available: int) -> Check:
    over = f"{-available:,} {item.commodity.code} more than the account holds"
    return Check("Open requests", False, f"Together they ask for {over}: not all can be executed.")


def _ledger(item: Request, preview: dict[str, Any]) -> list[Check]:
    consumed = sum(block["volume"] for block in preview["consumed"])
    created = sum(block["volume"] for block in preview["created"])
    debit = sum(posting["debit"] for posting in preview["postings"])
    credit = sum(posting["credit"] for posting in preview["postings"])
    minted = item.kind == Request.Kind.MINT
    code = item.commodity.code
    return [
        Check("Accounts", True, f"Active, of the right kind, and open to {code}."),
        Check("Rules", True, f"The rules of {item.commodity.name} allow it today."),
        Check(
            "Blocks",
            True,
            BLOCKS.get(Request.Kind(item.kind), "All are unspent and in date."),
        ),
        Check(
            "Conservation",
            minted or consumed == created,
            f"{created:,} issued." if minted else f"{consumed:,} consumed, {created:,} created.",
        ),
        Check("Postings", debit == credit, f"Debits {debit:,}, credits {credit:,}."),
    ]
