"""A directory of CSV exports with a mapping file: see docs/replay.md."""

from pathlib import Path


def convert(path: Path, history: Path) -> int:
    """Write the exports down as a history."""
    raise NotImplementedError
