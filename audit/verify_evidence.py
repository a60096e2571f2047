#!/usr/bin/env python3
"""
Check an evidence pack without the registry: no database, no network, nothing but Python.

    python3 verify_evidence.py evidence-SOL-4.zip [--hash HASH]

HASH is the transaction's hash as you know it from elsewhere: a statement, a printed page, another
pack, the registry's page. Without it the program shows that the pack agrees with itself; with it,
that it is also what was recorded. docs/evidence.md says how each value is worked out.

It ends with 0 when everything holds, with 1 when something does not, with 2 when the file is no
evidence pack, and with 3 when all that is there holds but the pack was made for a party and leaves
out what the hash covers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

Row = dict[str, Any]
FORMAT = "strata-evidence/1"
NEEDED = {"transaction.json", "blocks.json", "postings.json"}
LARGEST = 512 * 1024 * 1024
# What PostgreSQL calls the types of the values that are hashed.
BYTEA, INT8, INT4, TIMESTAMPTZ, UUID_TYPE = 17, 20, 23, 1184, 2950


class UnreadableError(Exception):
    """The file is no evidence pack; the message says why."""


class WrongError(Exception):
    """Something in the pack does not hold; the message says what."""


class LeftOutError(Exception):
    """Something cannot be checked with what the pack holds; the message says why."""


def main(arguments: list[str] | None = None) -> int:
    """Check the pack that is named on the command line, and say what was found."""
    parser = argparse.ArgumentParser(description="Check an evidence pack without the registry.")
    parser.add_argument("pack", help="the ZIP as it was downloaded")
    parser.add_argument("--hash", default="", help="the transaction's hash, known from elsewhere")
    asked = parser.parse_args(arguments)
    try:
        files = read(asked.pack)
    except UnreadableError as problem:
        print(f"This is no evidence pack: {problem}")
        return 2
    bad, missing = 0, 0
    for check in (manifest, blocks, postings, moved, people, link, lambda f: known(f, asked.hash)):
        try:
            print(f"Holds:       {check(files)}")
        except LeftOutError as reason:
            missing += 1
            print(f"Not checked: {reason}")
        except WrongError as problem:
            bad += 1
            print(f"WRONG:       {problem}")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
            bad += 1
            print(f"WRONG:       A value is missing or is none of its kind ({problem!r}).")
    return verdict(files, bad, missing, known=bool(asked.hash))


def verdict(files: Files, bad: int, missing: int, *, known: bool) -> int:
    """Say in a sentence what the checks come to, and return the exit status."""
    if bad:
        print("\nThis pack does NOT hold: it was changed, or it is no true record.")
        return 1
    number, found = (
        files.facts["transaction.json"]["number"],
        files.facts["transaction.json"]["hash"],
    )
    whole = files.facts["transaction.json"]["whole"]
    print(f"\nEverything in this pack about {number} holds.")
    if not known:
        print(f"Compare its hash with one that you know from elsewhere:\n  {found}")
    if not whole:
        print("It was made for a party. Ask the registry or an auditor for the whole one.")
    return 0 if whole else 3


class Files:
    """The files of a pack: their bytes, and what the JSON among them says."""

    def __init__(self, content: dict[str, bytes]) -> None:
        """Read the JSON."""
        self.content = content
        self.facts: dict[str, Any] = {}
        for name, found in content.items():
            if name.endswith(".json"):
                try:
                    self.facts[name] = json.loads(found)
                except (ValueError, RecursionError) as problem:
                    raise UnreadableError(f"{name} is no JSON.") from problem


def read(path: str) -> Files:
    """Read the files of a pack."""
    try:
        with zipfile.ZipFile(path) as pack:
            entries = pack.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names):
                raise UnreadableError("it holds two files of one name.")
            if sum(entry.file_size for entry in entries) > LARGEST:
                raise UnreadableError("it is larger than any pack.")
            files = Files({entry.filename: pack.read(entry) for entry in entries})
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as problem:
        raise UnreadableError(str(problem)) from problem
    for name in sorted({*NEEDED, "manifest.json"} - set(files.facts)):
        raise UnreadableError(f"{name} is not in it.")
    head = files.facts["transaction.json"]
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise UnreadableError(f"it is not of the format {FORMAT}. A newer program may read it.")
    for name in ("number", "hash", "whole"):
        if name not in head:
            raise UnreadableError(f"transaction.json does not say its {name}.")
    return files


def manifest(files: Files) -> str:
    """Check each file against the manifest, and that nothing was added."""
    stated = {each["name"]: each for each in files.facts["manifest.json"]["files"]}
    there = {name: content for name, content in files.content.items() if name != "manifest.json"}
    for name in sorted({*stated, *there}):
        if name not in there:
            raise WrongError(f"{name} is in the manifest and not in the pack.")
        if name not in stated:
            raise WrongError(f"{name} is in the pack and not in the manifest.")
        found = hashlib.sha256(there[name]).hexdigest()
        if (len(there[name]), found) != (stated[name]["size"], stated[name]["sha256"]):
            raise WrongError(f"{name} is not the file that the manifest describes.")
    head = files.facts["transaction.json"]
    if files.facts["manifest.json"]["hash"] != head["hash"]:
        raise WrongError("The manifest and the transaction state different hashes.")
    return f"{len(there)} files are those of the manifest."


def blocks(files: Files) -> str:
    """Check that what was created is exactly what was consumed, number by number."""
    facts = files.facts["blocks.json"]
    consumed, created = facts["consumed"], facts["created"]
    for each in (*consumed, *created):
        if each["volume"] != each["last"] - each["first"] + 1 or each["volume"] < 1:
            raise WrongError(f"Block {each['first']} to {each['last']} has the wrong volume.")
    verb = "consumed"
    ranges = [(each["first"], each["first"], each["last"]) for each in consumed]
    if files.facts["transaction.json"]["kind"] == "mint":
        # An issue consumes nothing: its blocks fill the batch.
        verb = "issued"
        ranges = [(None, created[0]["batch_first"], created[0]["batch_last"])]
    for start, first, last in ranges:
        fills([each for each in created if each["cut_from"] == start], first, last)
    total = sum(last - first + 1 for _, first, last in ranges)
    if sum(each["volume"] for each in created) != total:
        raise WrongError("More certificates were created than consumed.")
    return f"{total:,} certificates {verb} = {total:,} in the blocks that were created."


def fills(parts: list[Row], first: int, last: int) -> None:
    """Check that blocks follow each other from a first to a last number."""
    place = first
    for each in sorted(parts, key=lambda part: part["first"]):
        if each["first"] != place:
            raise WrongError(f"The blocks do not follow each other at number {place}.")
        place = each["last"] + 1
    if place != last + 1:
        raise WrongError(f"Nothing was made of number {place} of a consumed block.")


def postings(files: Files) -> str:
    """Check that credits are debits, in all and for each batch."""
    found = files.facts["postings.json"]
    if (
        files.facts["transaction.json"]["kind"] == "expire"
        and not files.facts["transaction.json"]["whole"]
    ):
        raise LeftOutError("Credits = debits: the pack holds one party's part of an expiry run.")
    sums: dict[int, tuple[int, int]] = {}
    for each in found:
        if min(each["credit"], each["debit"]) != 0 or max(each["credit"], each["debit"]) < 1:
            raise WrongError(f"Posting {each['line']} is not on one side.")
        credit, debit = sums.get(each["batch_first"], (0, 0))
        sums[each["batch_first"]] = (credit + each["credit"], debit + each["debit"])
    for batch, (credit, debit) in sums.items():
        if credit != debit:
            raise WrongError(f"Credits {credit:,} and debits {debit:,} of batch {batch} differ.")
    if not sums:
        raise WrongError("There are no postings.")
    total = sum(credit for credit, _ in sums.values())
    return f"Credits {total:,} = debits {total:,}."


def moved(files: Files) -> str:
    """Check that the postings say what the blocks say, account by account and batch by batch."""
    net: dict[tuple[str, str, int], int] = {}

    def add(each: Row, amount: int) -> None:
        key = (each["account"]["code"], each.get("account_id", ""), each["batch_first"])
        net[key] = net.get(key, 0) + amount

    for each in files.facts["blocks.json"]["created"]:
        add(each, each["volume"])
    for each in files.facts["blocks.json"]["consumed"]:
        add(each, -each["volume"])
    swept = not files.facts["transaction.json"]["whole"] and (
        files.facts["transaction.json"]["kind"] == "expire"
    )
    for each in files.facts["postings.json"]:
        # Issuance accounts hold no blocks.
        if each["account"]["type"] != "issuance":
            add(each, each["debit"] - each["credit"])
    own = {each["account"]["code"] for each in files.facts["postings.json"]}
    for (account, _, _), rest in sorted(net.items()):
        if rest and not (swept and account not in own):
            raise WrongError(f"The postings of {account} are not what its blocks say.")
    return "The postings say what the blocks say, for each account."


def people(files: Files) -> str:
    """Check that somebody else approved what was asked for."""
    if "approvals.json" not in files.facts:
        raise LeftOutError("Who asked and who approved: an expiry run is the registry's own.")
    facts = files.facts["approvals.json"]
    by = [facts[step]["by"]["code"] for step in ("submitted", "approved")]
    names = [facts[step]["by"]["name"] for step in ("submitted", "approved")]
    if not facts["two_people"] or by[0] == by[1]:
        raise WrongError("One person asked for it and approved it.")
    return f"{names[0]} asked for it, and {names[1]} approved it."


def link(files: Files) -> str:
    """Work the transaction's hash out from what the pack says, as the ledger does."""
    head = files.facts["transaction.json"]
    if not head["whole"]:
        raise LeftOutError("The hash: it also covers what this party may not see.")
    content = hashed_content(files.facts)
    below = bytes.fromhex(head["previous_hash"])
    found = hashlib.sha256(below + _int(head["height"], 8) + content).hexdigest()
    if found != head["hash"]:
        raise WrongError(f"The hash is {head['hash']}, and what the pack says gives {found}.")
    return f"The hash follows from all that is said here: {found}"


def known(files: Files, hash_: str) -> str:
    """Check the hash that whoever asks knows from elsewhere."""
    if not hash_:
        raise LeftOutError("Whether this is the hash that was recorded: none was given (--hash).")
    if "".join(hash_.split()).lower() != files.facts["transaction.json"]["hash"]:
        raise WrongError("The hash of the pack is not the one that you gave.")
    return "The hash is the one that you gave."


def hashed_content(facts: dict[str, Any]) -> bytes:
    """Return the bytes that the hash covers: ledgerdb/sql/042_chain.sql, WHOLE_CONTENT."""
    head, made = facts["transaction.json"], facts["blocks.json"]
    created = sorted(made["created"], key=lambda each: each["first"])
    lines = sorted(facts["postings.json"], key=lambda each: each["line"])
    return _record(
        (BYTEA, head["kind"].encode()),
        (UUID_TYPE, UUID(head["hashed"]["request_id"]).bytes),
        (UUID_TYPE, UUID(head["hashed"]["actor_id"]).bytes),
        (INT4, _int(head["hashed"]["commodity_id"], 4)),
        (TIMESTAMPTZ, _int(_since(head["occurred_at"], 2000), 8)),
        (INT8, _int(len(made["consumed"]), 8)),
        (INT8, _int(len(created), 8)),
        (BYTEA, b"".join(_block(each) for each in created)),
        (INT8, _int(len(lines), 8)),
        (BYTEA, b"".join(_posting(each) for each in lines)),
        (BYTEA, _more(facts)),
    )


def _block(each: Row) -> bytes:
    parent = each["cut_from"]
    return _record(
        (INT8, _int(each["first"], 8)),
        (INT8, _int(each["last"], 8)),
        (UUID_TYPE, UUID(each["account_id"]).bytes),
        (INT4, _int(each["region_id"], 4)),
        (INT8, None if parent is None else _int(parent, 8)),
    )


def _posting(each: Row) -> bytes:
    return _record(
        (UUID_TYPE, UUID(each["account_id"]).bytes),
        (INT4, _int(each["commodity_id"], 4)),
        (INT8, _int(each["batch_first"], 8)),
        (INT8, _int(each["credit"], 8)),
        (INT8, _int(each["debit"], 8)),
        (INT8, _int(each["balance_after"], 8)),
    )


def _more(facts: dict[str, Any]) -> bytes | None:
    """Return what only an issue says, of its batch, and only a retirement, of its claim."""
    kind = facts["transaction.json"]["kind"]
    if kind == "mint":
        batch = facts["transaction.json"]["batch"]
        serial = (batch["source_serial"] or "").encode()
        return (
            UUID(batch["facility_id"]).bytes
            + _int(batch["region_id"], 4)
            + _int(batch["first"], 8)
            + _int(batch["last"], 8)
            + _day(batch["production_start"])
            + _day(batch["production_end"])
            + _int(_since(batch["transferable_until"], 1970), 8)
            + _int(_since(batch["expires_at"], 1970), 8)
            + _int(len(serial), 4)
            + serial
        )
    if kind == "retire":
        claim = facts["request.json"]
        texts = ("beneficiary", "beneficiary_country", "beneficiary_place", "reason")
        said = (claim[name].encode() for name in texts)
        return (
            b"".join(_int(len(text), 4) + text for text in said)
            + _day(claim["consumption_start"])
            + _day(claim["consumption_end"])
        )
    return None


def _record(*fields: tuple[int, bytes | None]) -> bytes:
    """Write a row as PostgreSQL's binary protocol does: type, length and bytes of each value."""
    parts = [_int(len(fields), 4)]
    for kind, content in fields:
        parts.append(_int(kind, 4))
        parts.append(_int(-1, 4) if content is None else _int(len(content), 4) + content)
    return b"".join(parts)


def _int(value: int, width: int) -> bytes:
    return value.to_bytes(width, "big", signed=True)


def _day(text: str | None) -> bytes:
    """Write a day as days since 2000; none as 0."""
    return _int((date.fromisoformat(text) - date(2000, 1, 1)).days if text else 0, 4)


def _since(text: str | None, year: int) -> int:
    """Return an instant as microseconds since the start of a year; none as 0."""
    if not text:
        return 0
    at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return (at - datetime(year, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


if __name__ == "__main__":
    sys.exit(main())
