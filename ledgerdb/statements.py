"""The statements of retirements, as rows. Only ``registry.selectors`` calls these."""

from ledgerdb.reads import Row, rows


def statement(transaction_id: int) -> Row | None:
    """Return what the statement of a retirement says; nothing of any other transaction."""
    found = rows("SELECT * FROM ledger.statement(%s)", (transaction_id,))
    return found[0] if found else None


def public_statement(reference: str) -> Row | None:
    """Return what anybody may read who knows a reference, and whether the ledger still says so."""
    found = rows("SELECT * FROM ledger.public_statement(%s)", (reference,))
    return found[0] if found else None


def ranges(transaction_id: int, *, after: int = 0, limit: int | None = None) -> list[Row]:
    """Return the ranges of certificates that a retirement retired, lowest number first."""
    return rows("SELECT * FROM ledger.statement_ranges(%s, %s, %s)", (transaction_id, after, limit))
