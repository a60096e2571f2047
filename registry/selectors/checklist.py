"""
The checklist of a cutover in words, for the page; the checks are those of the command.

``selectors.cutover`` works out what holds, and ``manage.py cutover`` refuses while anything is
missing. Nobody ticks a box: each point says what was found, and where it is settled.
"""

from dataclasses import dataclass
from typing import Any

from ledgerdb import windows
from registry import access
from registry.access import Right
from registry.models import ReplayRun, User
from registry.selectors import cutover

BEFORE = {
    "rehearsal": "The last rehearsal has finished",
    "rejections": "It has no rejection",
    "comparison": "Its balances are those of the source",
    "reconciled": "Its ledger reconciles",
    "chains": "Its chains hold",
    "same_source": "It read the source that the final run is to read",
    "variances_signed": "Every decision is signed",
    "same_rules": "It applied the rules that are in force",
    "empty_ledger": "Nothing of its commodities is in this registry yet",
    "first_final": "No final run has been made",
    "window": "No window for past times is open",
}
AFTER = {
    "freeze": "The older system is frozen",
    "final": "The final run has finished",
    "rejections": "It has no rejection",
    "comparison": "Its balances are those of the source",
    "reconciled": "The ledger reconciles",
    "chains": "Every chain holds, computed again",
    "same_as_rehearsal": "Its hashes are those of the last rehearsal",
    "window": "The window for past times is closed",
    "login": "The login of the replay is closed",
}


@dataclass(frozen=True)
class Point:
    """One point: whether it is so, what was found, and the page on which it is settled."""

    name: str
    title: str
    done: bool
    found: str
    place: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Checklist:
    """The points before the final run, and those after it."""

    source: str
    rehearsal: ReplayRun | None
    final: ReplayRun | None
    before: list[Point]
    after: list[Point]

    @property
    def ready(self) -> bool:
        """Say whether the final run may begin."""
        return self.final is None and all(point.done for point in self.before)

    @property
    def complete(self) -> bool:
        """Say whether the migration is over."""
        return all(point.done for point in self.after)

    @property
    def done(self) -> int:
        """Return how many points before the final run are so."""
        return sum(point.done for point in self.before)


def of(user: User, source: str) -> Checklist:
    """
    Return the checklist of one source.

    :raises Forbidden: the person sees only its own
    """
    access.require(user, Right.SEE_EVERYTHING)
    rehearsal, final = cutover.last_rehearsal(source), cutover.final_run(source)
    checks = cutover.before(source, freeze_at=final.freeze_at if final else None)
    # The command states since when the older system is frozen: before it, nobody can.
    before = [
        _point(check, BEFORE, final if check.key == "first_final" else rehearsal)
        for check in checks
        if check.key != "freeze"
    ]
    after = [_freeze(final), *(_point(each, AFTER, final) for each in cutover.after(source))]
    return Checklist(source, rehearsal, final, before, [*after, _login()])


def _point(check: cutover.Check, titles: dict[str, str], run: ReplayRun | None) -> Point:
    title = titles.get(check.key) or check.key.replace("_", " ").capitalize()
    found = f"{check.found[:1].upper()}{check.found[1:]}."
    return Point(check.key, title, check.ok, found, _place(check.key, run))


def _place(key: str, run: ReplayRun | None) -> tuple[Any, ...]:
    if key == "variances_signed":
        return ("replay-variances",)
    if run is None:
        return ()
    if key == "comparison":
        return ("replay-compare", run.pk)
    return (
        ("replay-run", run.pk) if key in ("rehearsal", "rejections", "first_final", "final") else ()
    )


def _freeze(final: ReplayRun | None) -> Point:
    at = final.freeze_at if final else None
    found = f"Since {at:%d %b %Y, %H:%M} UTC." if at else "The final run states since when."
    return Point("freeze", AFTER["freeze"], at is not None, found)


def _login() -> Point:
    sessions = windows.replay_sessions()
    found = f"{sessions} connections use it." if sessions else "Nobody is connected with it."
    return Point("login", AFTER["login"], not sessions, found)
