"""Write measured figures into docs/performance.md, each section between two marks."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"


@dataclasses.dataclass
class Figure:
    """One figure, with the floor and the goal it is held against."""

    what: str
    value: float
    floor: str
    goal: str
    note: str = ""


def write(figures: list[Figure], conditions: str) -> None:
    """Replace the figures of the ledger in the document by these."""
    lines = [
        f"Measured on {datetime.now(tz=UTC):%d %B %Y} by `make bench`. {conditions}",
        "",
        "| | measured | floor | goal | |",
        "|---|---|---|---|---|",
        *(f"| {f.what} | **{f.value:.2f}** | {f.floor} | {f.goal} | {f.note} |" for f in figures),
        "",
        "After every measurement `reconcile()` was ok and every chain verified, or the run stops.",
    ]
    replace("ledger", lines)


def replace(section: str, lines: list[str]) -> None:
    """Replace what stands between the two marks of a section in the document."""
    begin, end = f"<!-- figures: {section} -->", f"<!-- end of {section} -->"
    text = DOCUMENT.read_text()
    before, rest = text.split(begin)
    DOCUMENT.write_text("\n".join([before + begin, *lines, end + rest.split(end)[1]]))
