"""A preview in the words of the pages."""

from typing import Any

from ledgerdb import pages
from registry import access
from registry.models import Account, Region, Request, User
from registry.selectors.ledger import tone

Row = dict[str, Any]


def describe(user: User, request: Request, preview: Row) -> Row:
    """
    Name the accounts of a preview, and say what stays and what moves.

    An organisation is shown its own balances, never its counterparty's.
    """
    accounts, regions = _accounts(preview), _regions(preview)
    organisation = access.sees_only(user)
    balances = [
        {**row, **_names(accounts[row["account"]])}
        for row in preview["balances"]
        if organisation in (None, accounts[row["account"]].organisation_id)
    ]
    consumed = [
        {**_names(accounts[row["account"]]), **_range(row), "block_id": row["block"]}
        | {"region": regions.get(row["region"], "")}
        | {"tone": "from", "remainder": False, "is_open": True}
        for row in preview["consumed"] or []
    ]
    created = [
        {**_names(accounts[row["account"]]), **_range(row), "block_id": None}
        | {"region": regions.get(row["region"], "")}
        | {
            "tone": tone(accounts[row["account"]].type, stayed=not row["moved"]),
            "remainder": not row["moved"],
            "is_open": False,
        }
        for row in preview["created"] or []
    ]
    return {
        "consumed": consumed,
        "created": created,
        "postings": [{**row, **_names(accounts[row["account"]])} for row in preview["postings"]],
        "balances": balances,
        "fingerprint": preview["fingerprint"],
        "holders": len({row["account"] for row in consumed}),
        "position": _position(request),
        "changed": bool(request.submitted_fingerprint)
        and request.submitted_fingerprint != preview["fingerprint"],
    }


def _accounts(preview: Row) -> dict[str, Account]:
    named = {
        row["account"]
        for part in ("consumed", "created", "postings", "balances")
        for row in preview[part] or []
    }
    found = Account.objects.select_related("organisation").filter(id__in=named)
    return {str(account.id): account for account in found}


def _regions(preview: Row) -> dict[int, str]:
    named = {row["region"] for part in ("consumed", "created") for row in preview[part] or []}
    return dict(Region.objects.filter(id__in=named).values_list("id", "name"))


def _names(account: Account) -> Row:
    holder = account.organisation.name if account.organisation else account.name or account.code
    return {"account": account.code, "holder": holder, "organisation_id": account.organisation_id}


def _range(row: Row) -> Row:
    return {"first": row["first"], "last": row["last"], "volume": row["volume"]}


def _position(request: Request) -> str:
    heads = {row["commodity"]: row["number"] for row in pages.positions()}
    return heads.get(request.commodity.code, "")
