"""
The reference of a statement as people write it. Pure.

The database makes and finds references (``ledgerdb/sql/092_statements.sql``); here one is only made
tidy, so that what was typed from paper is found.
"""

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LEAST, MOST = 16, 20
# What is easily taken for another symbol, and what people put between symbols.
TAKEN_FOR = str.maketrans({"O": "0", "I": "1", "L": "1"})
BETWEEN = str.maketrans(dict.fromkeys(" \t\r\n\N{NO-BREAK SPACE}-\N{HYPHEN}\N{EN DASH}\N{EM DASH}"))


class NotAReference(ValueError):
    """What was typed cannot be a reference; the message says why."""


def tidy(text: str) -> str:
    """
    Return the symbols alone, whatever their case and grouping.

    :raises NotAReference: when no statement can have it
    """
    symbols = text.translate(BETWEEN).upper().translate(TAKEN_FOR)
    strange = sorted(set(symbols) - set(SYMBOLS))
    if strange:
        raise NotAReference("A reference has only digits and letters, and never the letter U.")
    if not LEAST <= len(symbols) <= MOST:
        raise NotAReference(f"A reference has {LEAST} digits and letters. This has {len(symbols)}.")
    if not _adds_up(symbols):
        raise NotAReference(
            "There is a mistake in it. Compare it with the statement, one character at a time."
        )
    return symbols


def grouped(symbols: str) -> str:
    """Write a reference in groups of four, as it stands on paper."""
    return "-".join(symbols[start : start + 4] for start in range(0, len(symbols), 4))


def _adds_up(symbols: str) -> bool:
    """Compare the last symbol with the others, as ``ledger.base32_check`` made it."""
    total = 0
    for symbol in symbols[:-1]:
        total = (total ^ SYMBOLS.index(symbol)) << 1
        total ^= 37 if total > 31 else 0
    return SYMBOLS[total] == symbols[-1]
