"""
The ledger of a run beside the source's own closing balances, to the certificate. Pure.

The file is CSV with a header: ``account,commodity,balance``, and where the source knows them,
``source_serial,first,last``: the numbers of a batch that the account holds, as the source counts
them. A row with numbers needs no balance.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLUMNS = ("account", "commodity", "balance", "source_serial", "first", "last")
Ranges = list[tuple[int, int]]
# So many differences are kept; all are counted.
KEPT = 1000


class BalancesError(Exception):
    """The closing balances cannot be read; the message says where."""


@dataclass
class Closing:
    """What the source says is held: by commodity and account, and by serial where it says so."""

    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    numbers: dict[tuple[str, str, str], Ranges] = field(default_factory=dict)


def read_balances(path: Path) -> Closing:
    """
    Read the closing balances of a source.

    :raises BalancesError: a line cannot be read
    """
    closing = Closing()
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = reader.fieldnames or []
            unknown = [name for name in names if name not in COLUMNS]
            if unknown or not {"account", "commodity"} <= set(names):
                raise BalancesError(f"line 1: the columns are {', '.join(COLUMNS)}")
            for row in reader:
                _add(closing, row, reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BalancesError(str(error)) from error
    return closing


def _add(closing: Closing, row: dict[str, str], line: int) -> None:
    key = (row["commodity"] or "", row["account"] or "")
    if not all(key):
        raise BalancesError(f"line {line}: account and commodity are required")
    if row.get("source_serial"):
        first, last = _number(row, "first", line), _number(row, "last", line)
        if last < first:
            raise BalancesError(f"line {line}: last must not be below first")
        closing.numbers.setdefault((*key, row["source_serial"]), []).append((first, last))
        closing.balances[key] = closing.balances.get(key, 0) + last - first + 1
    else:
        closing.balances[key] = closing.balances.get(key, 0) + _number(row, "balance", line)


def _number(row: dict[str, str], name: str, line: int) -> int:
    text = row.get(name) or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise BalancesError(f"line {line}: {name} must be a whole number in plain digits")
    return int(text)


def compare(
    closing: Closing,
    balances: dict[tuple[str, str], int],
    blocks: Iterable[tuple[str, str, str, int, int]],
    first_number: Callable[[str, str], int | None],
) -> dict[str, Any]:
    """
    List every account whose balance differs, and every certificate that is with somebody else.

    :param balances: of the ledger, by commodity and account code
    :param blocks: of the ledger: commodity, serial, account, first and last number from 0
    :param first_number: from which number the source counts a batch
    """
    found = [*_balances(closing, balances), *_numbers(closing, blocks, first_number)]
    return {
        "compared": len(closing.balances.keys() | balances.keys()),
        "certificates": sum(closing.balances.values()),
        "count": len(found),
        "differences": found[:KEPT],
    }


def _balances(closing: Closing, balances: dict[tuple[str, str], int]) -> Iterator[dict[str, Any]]:
    for key in sorted(closing.balances.keys() | balances.keys()):
        said, held = closing.balances.get(key, 0), balances.get(key, 0)
        if said != held:
            yield {
                "commodity": key[0],
                "account": key[1],
                "source": said,
                "ledger": held,
                "difference": held - said,
            }


def _numbers(
    closing: Closing,
    blocks: Iterable[tuple[str, str, str, int, int]],
    first_number: Callable[[str, str], int | None],
) -> Iterator[dict[str, Any]]:
    held: dict[tuple[str, str, str], Ranges] = {}
    named = {(commodity, serial) for commodity, _, serial in closing.numbers}
    for commodity, serial, account, first, last in blocks:
        if (commodity, serial) in named:
            start = first_number(commodity, serial) or 0
            held.setdefault((commodity, account, serial), []).append((first + start, last + start))
    for key in sorted(closing.numbers.keys() | held.keys()):
        said, has = closing.numbers.get(key, []), held.get(key, [])
        for side, ranges in (("source", minus(said, has)), ("ledger", minus(has, said))):
            for first, last in ranges:
                yield {
                    "commodity": key[0],
                    "account": key[1],
                    "source_serial": key[2],
                    "first": first,
                    "last": last,
                    "only": side,
                }


def minus(ranges: Ranges, taken: Ranges) -> Ranges:
    """Return what is left of some ranges without others."""
    left: Ranges = []
    for first, last in sorted(ranges):
        for start, end in sorted(taken):
            if end < first or start > last:
                continue
            if start > first:
                left.append((first, start - 1))
            first = end + 1
        if first <= last:
            left.append((first, last))
    return left
