"""Transactions and blocks, and what of them an organisation may see."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404

from ledgerdb import journal, pages
from ledgerdb.positions import LARGEST
from registry import access
from registry.models import Account, Request, User
from registry.selectors import requests
from registry.selectors.positions import read_standing, since

Row = dict[str, Any]
STRANGER = "Another account"
# So many of the blocks that were cut together are listed; the picture shows them all.
LISTED = 100


def totals() -> list[Row]:
    """Return minted = held + retired + expired of each commodity."""
    return pages.totals()


def block_page(user: User, block_id: int, typed: Mapping[str, str]) -> Row:
    """
    Return a block with its parent, the blocks cut from the same parent, and its children.

    Beyond the transactions that an organisation took part in, a holder is another account.

    :raises Http404: absent, or neither held nor sent by the person's organisation, or later made
    """
    organisation = access.sees_only(user)
    with pages.one_snapshot(look_up=True):
        block = pages.block(block_id)
        if block is None or not _sees(block, organisation):
            raise Http404("No such block.")
        moment = _since(typed, {**block, "occurred_at": block["acquired_at"]}, "The block was made")
        block = _then(block, moment["then"])
        parent = pages.block(block["input_id"]) if block["input_id"] else None
        siblings, drawn_siblings = _cut_from(parent, moment["then"], block)
        children, drawn_children = _cut_from(block, moment["then"])
    if parent and not _sees(parent, organisation):
        # The receiver knows who sent it, and nothing of what the sender kept.
        siblings = _seen(siblings, organisation)
        drawn_siblings = _seen(drawn_siblings, organisation)
    took_part = organisation in (None, block["organisation_id"])

    def near(each: Row, *, known: bool = False) -> Row:
        colour = tone(each["account_type"], stayed=each["account_id"] == block["account_id"])
        return _piece(each, organisation, known=known) | {"tone": colour}

    return {
        **moment,
        "sees_all": organisation is None,
        "this": near(block),
        "parent": near(parent, known=True) if parent else None,
        "siblings": [near(each) for each in siblings],
        "children": [near(each, known=took_part) for each in children],
        "drawn_siblings": [near(each) for each in drawn_siblings],
        "drawn_children": [near(each, known=took_part) for each in drawn_children],
        "knows_spending": took_part or any(_sees(child, organisation) for child in drawn_children),
    }


def _since(typed: Mapping[str, str], first: Row, what: str) -> Row:
    """
    Read the moment of a page: where it stands, ``then`` its last transaction, and what is wrong.

    Where none is asked for, a copy of the database that is behind is no mistake.
    """
    mistakes: dict[str, str] = {}
    if any(typed.values()):
        stands = since(typed, mistakes, first=first, what=what)
        marks = stands.marks
    else:
        stands = read_standing(typed, mistakes).only([first["commodity"]])
        if stands.marks and stands.marks[0]["transaction_id"] < first["transaction_id"]:
            stands = stands.only([])
        marks = []
    then = marks[0]["transaction_id"] if marks else LARGEST
    return {"standing": stands, "mistakes": mistakes, "then": then}


def _then(block: Row, position: int) -> Row:
    """Take from a block what became of it after a position."""
    if block["spent_in"] is None or block["spent_in"] > position:
        return {**block, "spent_number": None, "spent_at": None, "spent_kind": None}
    return {"spent_number": True, **block}


def _cut_from(
    block: Row | None, then: int, sought: Row | None = None
) -> tuple[list[Row], list[Row]]:
    """
    Return the blocks cut from one: the first of them, described, and all, to be drawn.

    :param sought: one of them, which is listed in any case
    """
    alone = [sought] if sought else []
    if block is None or not block["spent_number"]:
        return alone, alone
    listed = [_then(each, then) for each in pages.children(block["block_id"], limit=LISTED + 1)]
    if len(listed) <= LISTED:
        return listed, listed
    listed = listed[:LISTED]
    there = {each["block_id"] for each in listed}
    listed += [each for each in alone if each["block_id"] not in there]
    return listed, [_then(each, then) for each in pages.pieces(block["block_id"])]


def transaction_page(user: User, number: str, typed: Mapping[str, str]) -> Row:
    """
    Return a transaction by its number: what it consumed and created, its postings and its request.

    In the past nothing is said of the transactions after it.

    :raises Http404: absent, later, or the person's organisation took no part in it
    """
    organisation = access.sees_only(user)
    commodity, _, height = number.rpartition("-")
    digits = height.isascii() and height.isdigit() and len(height) < 19
    found = pages.transaction_row(commodity, int(height)) if digits else None
    if found is None or (organisation and not pages.takes_part(found["id"], organisation)):
        raise Http404("No such transaction.")
    moment = _since(typed, found | {"transaction_id": found["id"]}, "The transaction happened")
    around = journal.around(found["id"])
    if moment["then"] == found["id"]:
        around["next"] = None
    swept = organisation is not None and found["kind"] == Request.Kind.EXPIRE
    with pages.one_snapshot(look_up=True):
        consumed = pages.consumed_by(found["id"], organisation)
        created = pages.created_by(found["id"], organisation)
        postings = pages.postings(found["id"])
    return {
        **moment,
        "transaction": found | around,
        "request_item": Request.objects.select_related("submitter", "approver", "organisation").get(
            id=found["request_id"]
        ),
        "consumed": [_piece(each, organisation, known=True) for each in consumed],
        "created": [_piece(each, organisation, known=True) for each in created],
        "postings": [p for p in postings if not swept or p["organisation_id"] == organisation],
        "whole": not swept,
        "sees_all": organisation is None,
        "may_open_request": requests.visible(user).filter(id=found["request_id"]).exists(),
    }


def _sees(block: Row, organisation: UUID | None) -> bool:
    return organisation is None or organisation in (
        block["organisation_id"],
        block["from_organisation_id"],
    )


def _seen(blocks: list[Row], organisation: UUID | None) -> list[Row]:
    return [each for each in blocks if _sees(each, organisation)]


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
