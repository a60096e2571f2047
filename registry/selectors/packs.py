"""Evidence packs: all that proves one transaction, for those who may see it. Read-only login."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.http import Http404

from ledgerdb import packs, positions
from registry import access
from registry.models import Request, User

Row = dict[str, Any]
FORMAT = "strata-evidence/1"


@dataclass(frozen=True)
class Pack:
    """The facts of a pack, by the name of their file, all plain: text, numbers and lists."""

    number: str
    facts: dict[str, Any]


class _Names:
    """The records that a transaction names, as they were when it was recorded."""

    def __init__(self, at: datetime, ids: dict[str, Iterable[Any]]):
        self.found = {
            kind: packs.records(kind, {each for each in ids.get(kind, ()) if each}, at)
            for kind in ("user", "account", "facility", "region", "commodity")
        }
        owners = {
            row["organisation_id"]
            for kind in ("user", "account")
            for row in self.found[kind].values()
        }
        wanted = {each for each in (*owners, *ids.get("organisation", ())) if each}
        self.found["organisation"] = packs.records("organisation", wanted, at)

    def of(self, kind: str, key: Any) -> Row | None:
        """Return a record in plain words."""
        if key is None or key not in self.found[kind]:
            return None
        row = dict(self.found[kind][key])
        row.pop("person_id", None)
        if "organisation_id" in row:
            owner = row.pop("organisation_id")
            row["organisation"] = self.of("organisation", owner)
        return row


def pack(user: User, number: str) -> Pack:
    """
    Return the facts of a transaction's pack.

    :raises Http404: absent, or the person's organisation took no part in it
    """
    organisation = access.sees_only(user)
    commodity, _, height = number.rpartition("-")
    digits = height.isascii() and height.isdigit() and len(height) < 19
    with positions.one_moment():
        head = packs.header(commodity, int(height)) if digits else None
        if head is None or (organisation and not packs.takes_part(head["id"], organisation)):
            raise Http404("No such transaction.")
        return Pack(head["number"], _facts(head, organisation))


def _facts(head: Row, organisation: UUID | None) -> dict[str, Any]:
    key = head["id"]
    consumed = packs.consumed(key, organisation)
    created = packs.created(key, organisation)
    postings = packs.postings(key, organisation)
    old = packs.ancestors(key, organisation)
    shown = {row["block_id"] for row in (*consumed, *old)}
    for row in (*consumed, *created, *old):
        # Of a block that is not here not even the id is said.
        row["input_id"] = row["input_id"] if row["input_id"] in shown else None
    asked = packs.request(head["request_id"])
    swept = organisation is not None and head["kind"] == Request.Kind.EXPIRE
    whole = organisation is None or packs.is_own(key, organisation)
    names = _named(head, asked, [*consumed, *created, *old], postings, organisation)
    facts = {
        "transaction.json": _transaction(head, names, organisation, whole=whole),
        "blocks.json": {
            "consumed": [_block(each, names, whole=whole) for each in consumed],
            "created": [_block(each, names, whole=whole) for each in created],
        },
        "postings.json": [_posting(each, names, whole=whole) for each in postings],
        "lineage.json": [_ancestor(each, names) for each in old],
    }
    if not swept:
        facts["request.json"] = _request(asked, names, head, whole=whole)
        facts["approvals.json"] = _approvals(asked, names)
    return facts


def _named(
    head: Row, asked: Row, blocks: list[Row], postings: list[Row], organisation: UUID | None
) -> _Names:
    accounts = {row["account_id"] for row in (*blocks, *postings)}
    return _Names(
        head["recorded_at"],
        {
            "organisation": [asked["organisation_id"], organisation],
            "user": [asked["submitter_id"], asked["approver_id"], head["actor_id"]],
            "account": [*accounts, asked["source_id"], asked["target_id"]],
            "facility": [
                *(row["facility_id"] for row in blocks),
                asked["facility_id"],
                asked["filter_facility_id"],
            ],
            "region": [
                *(row["region_id"] for row in blocks),
                asked["region_id"],
                asked["filter_region_id"],
            ],
            "commodity": [head["commodity_id"]],
        },
    )


def _transaction(
    head: Row, names: _Names, organisation: UUID | None, *, whole: bool
) -> dict[str, Any]:
    facts = {
        "format": FORMAT,
        "number": head["number"],
        "height": head["height"],
        "kind": head["kind"],
        "commodity": names.of("commodity", head["commodity_id"]),
        "occurred_at": plain(head["occurred_at"]),
        "recorded_at": plain(head["recorded_at"]),
        "previous_hash": head["prev_hash"],
        "hash": head["hash"],
        "for": names.of("organisation", organisation) or "registry and auditors",
        "whole": whole,
    }
    if whole:
        # What nobody can guess and the hash covers: with it the rest could be found by trying.
        facts["hashed"] = {
            name: plain(head[name]) for name in ("request_id", "actor_id", "commodity_id")
        }
        if batch := packs.batch(head["id"]):
            facts["batch"] = {name: plain(value) for name, value in batch.items()}
    return facts


def _block(row: Row, names: _Names, *, whole: bool) -> Row:
    block = {
        "block": row["block_id"],
        "cut_from_block": row["input_id"],
        "first": row["first"],
        "last": row["last"],
        "volume": row["volume"],
        "account": names.of("account", row["account_id"]),
        "region": names.of("region", row["region_id"]),
        "facility": names.of("facility", row["facility_id"]),
        "batch_first": row["batch_first"],
        "batch_last": row["batch_last"],
        "production_start": plain(row["production_start"]),
        "production_end": plain(row["production_end"]),
        "cut_from": row["parent_first"],
    }
    hidden = {"account_id": plain(row["account_id"]), "region_id": row["region_id"]}
    return block | hidden if whole else block


def _posting(row: Row, names: _Names, *, whole: bool) -> Row:
    posting = {
        "line": row["line"],
        "account": names.of("account", row["account_id"]),
        "batch_first": row["batch_first"],
        "credit": row["credit"],
        "debit": row["debit"],
        "balance_after": row["balance_after"],
    }
    hidden = {"account_id": plain(row["account_id"]), "commodity_id": row["commodity_id"]}
    return posting | hidden if whole else posting


def _ancestor(row: Row, names: _Names) -> Row:
    return {
        "generations_back": row["step"],
        **_block(row, names, whole=False),
        "made_by": row["number"],
        "kind": row["kind"],
        "occurred_at": plain(row["occurred_at"]),
    }


def _request(asked: Row, names: _Names, head: Row, *, whole: bool) -> Row:
    records = {
        "organisation": "organisation",
        "source": "account",
        "target": "account",
        "facility": "facility",
        "region": "region",
        "filter_facility": "facility",
        "filter_region": "region",
    }
    left_out = {"id", "commodity_id", "submitter_id", "approver_id", "decided_at",
                "decision_reason", "submitted_fingerprint", "approved_fingerprint",
                "submitted_at", *(f"{name}_id" for name in records)}  # fmt: skip
    found = {name: plain(value) for name, value in asked.items() if name not in left_out}
    for name, kind in records.items():
        found[name] = names.of(kind, asked[f"{name}_id"])
    if head["kind"] == Request.Kind.RETIRE:
        found["statement"] = packs.reference(head["id"])
    if not whole:
        found.pop("idempotency_key")
    return found | {"evidence": [dict(row) for row in packs.files(asked["id"])]}


def _approvals(asked: Row, names: _Names) -> Row:
    people = {
        asked[each] and names.found["user"][asked[each]]["person_id"]
        for each in ("submitter_id", "approver_id")
    }
    return {
        "submitted": {
            "by": names.of("user", asked["submitter_id"]),
            "at": plain(asked["submitted_at"]),
            "blocks_fingerprint": asked["submitted_fingerprint"],
        },
        "approved": {
            "by": names.of("user", asked["approver_id"]),
            "at": plain(asked["decided_at"]),
            "reason": asked["decision_reason"],
            "blocks_fingerprint": asked["approved_fingerprint"],
        },
        "two_people": len(people) == 2,
    }


def plain(value: Any) -> Any:
    """Write a value so that JSON holds it, the same everywhere and always."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
