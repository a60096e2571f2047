"""
Sources: each adapter reads one kind of export and writes it down as a history of JSON Lines.

Everything is checked before anything runs: each problem names its file and line, the field, and
what it must be. The history is written beside the evidence, one for each run, and read from there.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from registry.replay.adapters import csv_exports, rec
from registry.replay.adapters.source import SourceError

__all__ = ["ADAPTERS", "SourceError", "convert", "history_of"]

JSONL = "jsonl"
Convert = Callable[[Path, Path], int]
ADAPTERS: dict[str, Convert | None] = {
    JSONL: None,
    "csv": csv_exports.convert,
    "rec": rec.convert,
}


def history_of(adapter: str, path: Path, *, run: Any) -> Path:
    """
    Return the history of a run's source: the file itself, or what the adapter makes of it.

    :raises SourceError: the source cannot be read, with its first problems
    :raises OSError: a file cannot be read or written
    """
    if adapter == JSONL:
        return path
    directory = Path(settings.REPLAY_DIR)
    directory.mkdir(parents=True, exist_ok=True)
    history = directory / f"run-{run.pk}.jsonl"
    convert(adapter, path, history)
    return history


def convert(adapter: str, path: Path, history: Path) -> int:
    """
    Write a source down as a history; return how many events it has.

    :raises SourceError: the source cannot be read, with its first problems
    """
    act = ADAPTERS.get(adapter)
    if act is None:
        raise SourceError([f"ADAPTER_UNKNOWN: {adapter}"])
    return act(path, history)
