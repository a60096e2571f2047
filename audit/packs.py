"""
Evidence packs as files: one ZIP, the same bytes whenever it is asked for. Pure.

Nothing is compressed and no file has a date of its own: what packs and dates differently from one
year to the next would change bytes of which nothing else changed.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from audit import pack_picture

# The oldest date that the format knows.
DATED = (1980, 1, 1, 0, 0, 0)
README = """\
Evidence for transaction {number}

{sentence}
Recorded: {recorded_at}
Hash:     {hash}

What is here
{files}
A pack leaves out what whoever asked for it may not see: it says so in transaction.json ("whole").

How to check it, without the registry and without a network
  python3 verify_evidence.py {file}
The program is audit/verify_evidence.py in the registry's source. It needs Python and nothing else,
and docs/evidence.md there says how each number is worked out, so that anybody can write another.
"""
FILES = {
    "transaction.json": "what happened, when, its height in the ledger, and its hash",
    "request.json": "what was asked for, word for word",
    "approvals.json": "who asked, who approved, when, and the fingerprints of the blocks they saw",
    "blocks.json": "the certificates by number: consumed and created",
    "postings.json": "the bookkeeping: credits and debits",
    "lineage.json": "where the consumed blocks came from, back to their issue",
    "lineage.svg": "the same as a picture",
    "manifest.json": "the size and the SHA-256 of each of these files",
}
KINDS = {
    "mint": "{volume} {commodity} certificates were issued.",
    "transfer": "{volume} {commodity} certificates were transferred.",
    "retire": "{volume} {commodity} certificates were retired.",
    "reassign_region": "{volume} {commodity} certificates changed their region.",
    "expire": "{volume} {commodity} certificates expired.",
}


def build(number: str, facts: Mapping[str, Any]) -> bytes:
    """Return the bytes of a pack."""
    files = {name: written(content) for name, content in facts.items()}
    files["lineage.svg"] = pack_picture.draw(number, facts).encode()
    files["README.txt"] = _readme(number, facts).encode()
    listed = [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
    ]
    manifest = {
        "format": facts["transaction.json"]["format"],
        "transaction": number,
        "hash": facts["transaction.json"]["hash"],
        "files": listed,
    }
    return _zipped({**files, "manifest.json": written(manifest)})


def file_name(number: str) -> str:
    """Return what a pack is called."""
    return f"evidence-{number}.zip"


def written(content: Any) -> bytes:
    """Write JSON in one way only."""
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as pack:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, DATED)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            pack.writestr(entry, content)
    return kept.getvalue()


def _readme(number: str, facts: Mapping[str, Any]) -> str:
    head = facts["transaction.json"]
    volume = _moved(facts["blocks.json"])
    commodity = head["commodity"]["code"]
    return README.format(
        number=number,
        sentence=KINDS[head["kind"]].format(volume=f"{volume:,}", commodity=commodity),
        recorded_at=head["recorded_at"],
        hash=head["hash"],
        files="\n".join(
            f"  {name:<16}  {what}"
            for name, what in FILES.items()
            if name in facts or name.startswith(("lineage", "manifest"))
        ),
        file=file_name(number),
    )


def _moved(blocks: Mapping[str, Any]) -> int:
    """Return how much moved: remainders, which were cut off and stayed where they were, did not."""
    stayed = {
        (each["first"], each["account"]["code"], each["region"]["code"])
        for each in blocks["consumed"]
    }
    return sum(
        each["volume"]
        for each in blocks["created"]
        if (each["cut_from"], each["account"]["code"], each["region"]["code"]) not in stayed
    )
