"""The refusals of the ledger: what they mean, and which of its functions raise them."""

from typing import Any

from ledgerdb import reads

Row = dict[str, Any]


def every() -> list[Row]:
    """Return every refusal by what it is about, then by name."""
    return sorted(reads.error_codes(), key=lambda row: (row["domain"], row["code"]))


def search(words: str) -> list[Row]:
    """Return the refusals that hold all of these words, somewhere, in any case."""
    wanted = words.lower().replace("_", " ").split()
    return [row for row in every() if all(word in _text(row) for word in wanted)]


def _text(row: Row) -> str:
    columns = ("code", "sqlstate", "domain", "title", "cause", "what_to_do")
    return " ".join(str(row[name]) for name in columns).lower().replace("_", " ")


def raised_by(code: str) -> Row:
    """
    Return which functions of the database raise a refusal, from the text that runs.

    :returns: ``functions`` that name it, and ``reached`` from which of those that write; ``tables``
        whose guards they are
    """
    calls = reads.callers_of(code)
    raising = {row["name"] for row in calls if row["raises"]}
    above = {row["name"]: set(row["callers"]) for row in calls}
    reached, look = set(raising), list(raising)
    while look:
        for caller in above.get(look.pop(), ()):
            if caller not in reached:
                reached.add(caller)
                look.append(caller)
    return {
        "functions": sorted(raising),
        "reached": sorted(name for name in reached if name.startswith("ledger_api.")),
        "tables": sorted(
            {row["guards"] for row in calls if row["guards"] and row["name"] in reached}
        ),
    }
