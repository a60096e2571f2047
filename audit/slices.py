"""
Rows of very many blocks: what there was after each, as slices. Pure.

Neighbours of one colour are one. What is too narrow to see joins its neighbours in a cell that can
be seen, and shares its height with them: every area stays what it was, and nothing is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# Below this nobody sees a block; up to that wide they are put together.
SMALLEST = 6.0
TOGETHER = 18.0
# A colour, and whether the block was spent later.
Look = tuple[str, bool]


@dataclass
class Slice:
    """Some numbers beside each other, and how many of them each look has."""

    first: int
    last: int
    volumes: dict[Look, int] = field(default_factory=dict)

    @property
    def volume(self) -> int:
        """Return how many numbers it has."""
        return self.last - self.first + 1

    def take(self, other: "Slice") -> None:
        """Add what lies right of it."""
        self.last = other.last
        for look, volume in other.volumes.items():
            self.volumes[look] = self.volumes.get(look, 0) + volume


def cut(blocks: Iterable[tuple[int, int, Look]], scale: float) -> list[Slice]:
    """Put the blocks of a row together, which come by number and leave no gap."""
    runs: list[Slice] = []
    for first, last, look in blocks:
        block = Slice(first, last, {look: last - first + 1})
        if runs and runs[-1].volumes.keys() == {look}:
            runs[-1].take(block)
        else:
            runs.append(block)
    found: list[Slice] = []
    for run in runs:
        before = found[-1] if found else None
        if before and _join(before, run, scale):
            before.take(run)
        else:
            found.append(run)
    return found


def paths(
    rows: Sequence[Sequence[Slice]],
    *,
    left: float,
    tops: Sequence[float],
    first: int,
    scale: float,
) -> list[tuple[str, bool, str]]:
    """
    Draw all slices of one look as one path: its colour, whether it is pale, and the path.

    :param tops: where each row starts, and where the last one ends
    """
    found: dict[Look, list[str]] = {}
    for n, slices in enumerate(rows):
        top, room = tops[n] + 5, tops[n + 1] - tops[n] - 10
        for each in slices:
            # Edges are rounded, not sizes: neighbours share one, and each row is as wide as all.
            x = round(left + (each.first - first) * scale, 1)
            width = round(left + (each.last + 1 - first) * scale, 1) - x
            y, below = float(top), 0
            for look, volume in sorted(each.volumes.items()):
                below += volume
                end = round(top + room * below / each.volume, 1)
                # Less than a twentieth of a pixel is no area.
                if end > y:
                    found.setdefault(look, []).append(
                        f"M{x:.5g} {y:.5g}h{width:.4g}V{end:.5g}H{x:.5g}z"
                    )
                y = end
    return [(tone, pale, "".join(parts)) for (tone, pale), parts in sorted(found.items())]


def _join(left: Slice, right: Slice, scale: float) -> bool:
    narrow = min(left.volume, right.volume) * scale < SMALLEST
    return narrow and (left.volume + right.volume) * scale <= TOGETHER
