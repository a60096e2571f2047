"""What a run comes to: the figures, the report file, and the exit status."""

import json
from collections import Counter
from typing import Any, TextIO

from registry.replay.outcomes import ACCEPTED, REJECTED, REPEATED, UNREADABLE, Outcome

CLEAN, SOME_REJECTED, NOT_READABLE, NOT_NOW = 0, 1, 2, 3
EXAMPLES = 20


class Summary:
    """Counts outcomes, and writes each to the report file."""

    def __init__(self, report: TextIO | None) -> None:
        """Start from nothing."""
        self.report = report
        self.outcomes: Counter[str] = Counter()
        self.new: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.volumes: Counter[str] = Counter()
        self.codes: Counter[tuple[str, str]] = Counter()
        self.unreadable: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.outcomes[outcome.outcome] += 1
        if outcome.outcome == UNREADABLE:
            self.unreadable = [*self.unreadable, outcome][:EXAMPLES]
        elif outcome.outcome == ACCEPTED:
            self.accepted[outcome.kind] += 1
            self.volumes[outcome.kind] += outcome.volume
        elif outcome.outcome == REJECTED:
            self.codes[outcome.code, outcome.kind] += 1
        if not outcome.earlier:
            self.new[outcome.outcome] += 1
        if self.report:
            self.report.write(json.dumps(as_line(outcome), ensure_ascii=False) + "\n")

    @property
    def status(self) -> int:
        """Return the exit status that the outcomes ask for."""
        if self.outcomes[UNREADABLE]:
            return NOT_READABLE
        return SOME_REJECTED if self.outcomes[REJECTED] else CLEAN

    def lines(self) -> list[str]:
        """Return the figures as lines of text."""
        sent = self.outcomes[ACCEPTED] + self.outcomes[REJECTED]
        lines = [
            f"Accepted  {self.outcomes[ACCEPTED]:>12,} of {sent:,} events"
            f"  ({self.new[ACCEPTED]:,} new)"
        ]
        lines += [
            f"  {kind:<16}{count:>10,}  {self.volumes[kind]:>20,} certificates"
            for kind, count in sorted(self.accepted.items())
        ]
        if self.outcomes[REJECTED]:
            lines.append(f"Rejected  {self.outcomes[REJECTED]:>12,}  ({self.new[REJECTED]:,} new)")
        lines += [
            f"  {code:<28}{kind:<16}{count:>10,}"
            for (code, kind), count in sorted(self.codes.items())
        ]
        if self.outcomes[REPEATED]:
            lines.append(
                f"Repeated  {self.outcomes[REPEATED]:>12,}  the same event on a later line"
            )
        if self.outcomes[UNREADABLE]:
            lines.append(f"Unreadable{self.outcomes[UNREADABLE]:>12,}  lines left out")
        return lines

    def problems(self) -> list[str]:
        """Name the first unreadable lines."""
        lines = [problem_line(outcome) for outcome in self.unreadable]
        more = self.outcomes[UNREADABLE] - len(lines)
        return [*lines, f"and {more:,} more; --report FILE names all"] if more else lines


def problem_line(outcome: Outcome) -> str:
    """Say what is wrong with one line."""
    where = f" {outcome.facts['field']}" if outcome.facts["field"] else ""
    return f"line {outcome.line}: {outcome.code}{where}: {outcome.facts['detail']}"


def as_line(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as it stands in the report file."""
    return {
        "line": outcome.line,
        "event": outcome.event,
        "kind": outcome.kind,
        "outcome": outcome.outcome,
        "code": outcome.code,
        "volume": outcome.volume,
        "facts": outcome.facts,
    }
