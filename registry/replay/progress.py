"""How far a run has come: a bar on a terminal, a line now and then in a log."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0

Thing = TypeVar("Thing")


def shown(
    things: Iterable[Thing], what: str, *, total: int | None, stream: Any, quiet: bool = False
) -> Iterator[Thing]:
    """Pass things on and show on a stream how many came by."""
    if quiet:
        yield from things
    elif stream.isatty():
        yield from _bar(things, what, total, stream)
    else:
        yield from _log(things, what, total, stream)


def _bar(things: Iterable[Thing], what: str, total: int | None, stream: Any) -> Iterator[Thing]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=Console(file=stream)) as progress:
        task = progress.add_task(what, total=total, rate="")
        for count, thing in enumerate(things, 1):
            rate = f"{count / max(time.monotonic() - started, 0.001):,.0f}"
            progress.update(task, completed=count, rate=rate)
            yield thing


def _log(things: Iterable[Thing], what: str, total: int | None, stream: Any) -> Iterator[Thing]:
    started = said = time.monotonic()
    count = 0
    for count, thing in enumerate(things, 1):
        yield thing
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_LINES:
            said = now
            of = f" of {total:,}" if total is not None else ""
            stream.write(f"{what}: {count:,}{of}, {count / (now - started):,.0f}/s\n")
            stream.flush()
    seconds = time.monotonic() - started
    stream.write(f"{what}: {count:,} in {seconds:,.1f} s\n")
    stream.flush()


class Shown:
    """Shows progress in one way throughout."""

    def __init__(self, stream: Any, *, quiet: bool) -> None:
        """Take where to show it, and whether at all."""
        self.stream = stream
        self.quiet = quiet

    def __call__(self, things: Iterable[Any], what: str, total: int | None) -> Iterator[Any]:
        """Pass things on and show how many came by."""
        return shown(things, what, total=total, stream=self.stream, quiet=self.quiet)

    def run(self, things: Iterable[Any], what: str, total: int | None) -> None:
        """Go through all of them."""
        for _ in self(things, what, total):
            pass
