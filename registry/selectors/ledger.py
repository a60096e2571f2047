"""Transactions and blocks, and what of them an organisation may see."""

from typing import Any
from uuid import UUID

from django.http import Http404

from ledgerdb import journal, pages
from registry import access
from registry.models import Account, Request, User
from registry.selectors import requests

Row = dict[str, Any]
STRANGER = "Another account"
# So many of the blocks that were cut together are listed; the picture shows them all.
LISTED = 100


def totals() -> list[Row]:
    """Return minted = held + retired + expired of each commodity."""
    return pages.totals()


def block_page(user: User, block_id: int) -> Row:
    """
    Return a block with its parent, the blocks cut from the same parent, and its children.

    Beyond the transactions that an organisation took part in, a holder is another account.

    :raises Http404: absent, or neither held nor sent by the person's organisation
    """
    organisation = access.sees_only(user)
    with pages.one_snapshot(look_up=True):
        block = pages.block(block_id)
        if block is None or not _sees(block, organisation):
            raise Http404("No such block.")
        parent = pages.block(block["input_id"]) if block["input_id"] else None
        siblings, drawn_siblings = _cut_from(parent) if parent else ([block], [block])
        children, drawn_children = _cut_from(block) if block["spent_number"] else ([], [])
    if block_id not in {each["block_id"] for each in siblings}:
        siblings.append(block)
    if parent and not _sees(parent, organisation):
        # The receiver knows who sent it, and nothing of what the sender kept.
        siblings = [each for each in siblings if _sees(each, organisation)]
        drawn_siblings = [each for each in drawn_siblings if _sees(each, organisation)]
    took_part = organisation in (None, block["organisation_id"])

    def near(each: Row, *, known: bool = False) -> Row:
        stayed = each["account_id"] == block["account_id"]
        piece = _piece(each, organisation, known=known)
        return piece | {"tone": tone(each["account_type"], stayed=stayed)}

    return {
        "sees_all": organisation is None,
        "this": near(block),
        "parent": near(parent, known=True) if parent else None,
        "siblings": [near(each) for each in siblings],
        "children": [near(each, known=took_part) for each in children],
        "drawn_siblings": [near(each) for each in drawn_siblings],
        "drawn_children": [near(each, known=took_part) for each in drawn_children],
        "knows_spending": took_part or any(_sees(child, organisation) for child in drawn_children),
    }


def _cut_from(block: Row) -> tuple[list[Row], list[Row]]:
    """Return the blocks cut from one: the first of them, described, and all, to be drawn."""
    listed = pages.children(block["block_id"], limit=LISTED + 1)
    if len(listed) <= LISTED:
        return listed, listed
    return listed[:LISTED], pages.pieces(block["block_id"])


def transaction_page(user: User, number: str) -> Row:
    """
    Return a transaction by its number: what it consumed and created, its postings and its request.

    :raises Http404: absent, or the person's organisation took no part in it
    """
    organisation = access.sees_only(user)
    commodity, _, height = number.rpartition("-")
    digits = height.isascii() and height.isdigit() and len(height) < 19
    found = pages.transaction_row(commodity, int(height)) if digits else None
    if found is None or (organisation and not pages.takes_part(found["id"], organisation)):
        raise Http404("No such transaction.")
    swept = organisation is not None and found["kind"] == Request.Kind.EXPIRE
    with pages.one_snapshot(look_up=True):
        consumed = pages.consumed_by(found["id"], organisation)
        created = pages.created_by(found["id"], organisation)
        postings = [
            posting
            for posting in pages.postings(found["id"])
            if not swept or posting["organisation_id"] == organisation
        ]
    return {
        "transaction": found | journal.around(found["id"]),
        "request_item": Request.objects.select_related("submitter", "approver", "organisation").get(
            id=found["request_id"]
        ),
        "consumed": [_piece(each, organisation, known=True) for each in consumed],
        "created": [_piece(each, organisation, known=True) for each in created],
        "postings": postings,
        "whole": not swept,
        "sees_all": organisation is None,
        "may_open_request": requests.visible(user).filter(id=found["request_id"]).exists(),
    }


def _sees(block: Row, organisation: UUID | None) -> bool:
    return organisation is None or organisation in (
        block["organisation_id"],
        block["from_organisation_id"],
    )


def _piece(block: Row, organisation: UUID | None, *, known: bool = False) -> Row:
    """Prepare a block for a page: a holder unknown to the organisation loses its name."""
    is_open = _sees(block, organisation)
    stayed = block["from_account_id"] == block["account_id"] and block["kind"] != "reassign_region"
    piece = {**block, "is_open": is_open, "tone": tone(block["account_type"], stayed=stayed)}
    piece["remainder"] = stayed
    piece["knows_spending"] = organisation in (None, block["organisation_id"])
    if not (is_open or known):
        piece |= {"holder": STRANGER, "account": "", "sender": STRANGER}
    return piece


def tone(account_type: str, *, stayed: bool) -> str:
    """Choose how a block is coloured: where it is, or where it went."""
    if account_type == Account.Type.RETIREMENT:
        return "retired"
    if account_type == Account.Type.EXPIRY:
        return "expired"
    return "from" if stayed else "to"
