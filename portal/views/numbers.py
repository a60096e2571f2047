"""Numbers that arrive in an address or a form."""

from collections.abc import Iterable


def number(text: str) -> int | None:
    """Read a whole number: ASCII digits that a bigint holds; anything else is none."""
    fits = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if fits else None


def numbers(texts: Iterable[str], most: int) -> list[int]:
    """Read several, each once, in order; no more than ``most``."""
    found = [each for each in map(number, texts) if each is not None]
    return list(dict.fromkeys(found))[:most]
