"""Write measured figures into docs/performance.md, each section between two marks."""

import dataclasses
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
PLANS = DOCUMENT.with_name("plans.md")


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
    # With what it was told: a smaller run is not to pass for a whole one.
    command = shlex.join(["python", "-m", "tests.bench", *sys.argv[1:]])
    lines = [
        f"Measured on {datetime.now(tz=UTC):%d %B %Y} by `{command}`. {conditions}",
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


def write_plans(size: int, plans: dict[str, list[str]]) -> None:
    """Write down how PostgreSQL carried out each question, in a document of its own."""
    lines = [
        "# Plans",
        "",
        f"How PostgreSQL carried out what [performance.md](performance.md) measures, at {size:,}"
        f" blocks, on {datetime.now(tz=UTC):%d %B %Y}: a node a line, with the rows of one loop,",
        "the loops, the rows that a filter removed, the milliseconds of one loop and the pages"
        " touched. Written by `python -m tests.bench --reads`,",
        "which stops where a question passes over a whole table that grows.",
    ]
    for what, drawn in plans.items():
        if drawn:
            lines += ["", f"## {what[0].upper()}{what[1:]}", "", "```", "\n\n".join(drawn), "```"]
    PLANS.write_text("\n".join(lines) + "\n")
