"""Write the measured figures into docs/performance.md, between two marks."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: make bench -->", "<!-- end of figures -->"


@dataclasses.dataclass
class Figure:
    """One figure, with the floor and the goal it is held against."""

    what: str
    value: float
    floor: str
    goal: str
    note: str = ""


def write(figures: list[Figure], conditions: str) -> None:
    """Replace the figures in the document by these."""
    lines = [
        BEGIN,
        f"Measured on {datetime.now(tz=UTC):%d %B %Y} by `make bench`. {conditions}",
        "",
        "| | measured | floor | goal | |",
        "|---|---|---|---|---|",
        *(f"| {f.what} | **{f.value:.2f}** | {f.floor} | {f.goal} | {f.note} |" for f in figures),
        "",
        "After every measurement `reconcile()` was ok and every chain verified, or the run stops.",
        END,
    ]
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    DOCUMENT.write_text(before + "\n".join(lines) + rest.split(END)[1])
