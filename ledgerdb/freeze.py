"""
Freezing: copying a file of ``ledgerdb/sql`` to where migrations read it.

Before 1.0 the install migration is rewritten: copy 0001. From then on a copy never changes; a
change becomes the next copy and a migration that runs it.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Run by the database administrator and not by a migration.
NOT_MIGRATED = "000_bootstrap"

MIGRATION = '''"""Change {name}."""

from django.db import migrations

from ledgerdb.operations import SqlFile


class Migration(migrations.Migration):
    """Runs copy {new} of {name}; the way back runs copy {old}."""

    dependencies = [("ledgerdb", "{last}")]
    operations = [SqlFile(forward="{name}/{new}.sql", backward="{name}/{old}.sql")]
'''


class CannotFreezeError(Exception):
    """The message says what is missing."""


@dataclass(frozen=True)
class Frozen:
    """What freezing one file did: the copy, and the migration that was written for it."""

    name: str
    copy: Path
    changed: bool
    migration: Path | None = None


def is_released() -> bool:
    """Say whether 1.0 is out, after which a copy never changes."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())
    return int(project["project"]["version"].split(".")[0]) >= 1


def names(app: Path) -> list[str]:
    """List the files that can be frozen, in reading order."""
    return sorted(path.stem for path in (app / "sql").glob("*.sql") if path.stem != NOT_MIGRATED)


def freeze(name: str, *, app: Path, released: bool) -> Frozen:
    """
    Copy one file, and after 1.0 write the migration that runs the copy.

    :param app: the directory of ``sql/`` and ``migrations/``
    :raises CannotFreezeError: no such file, or nothing that undoes its first install
    """
    if name not in names(app):
        raise CannotFreezeError(f"There is no {name}; choose from {', '.join(names(app))}.")
    text = (app / "sql" / f"{name}.sql").read_text()
    copies = app / "migrations" / "sql" / name
    if not (copies / "0000.sql").exists():
        raise CannotFreezeError(
            f"Write {copies / '0000.sql'} first: it undoes the install of {name}. Then add {name}"
            " to FILES in the install migration, or write a migration that installs it."
        )
    last = max(copies.glob("[0-9][0-9][0-9][0-9].sql"))
    if last.read_text() == text:
        return Frozen(name, last, changed=False)
    if not released or last.stem == "0000":
        copy = copies / "0001.sql"
        copy.write_text(text)
        return Frozen(name, copy, changed=True)
    copy = copies / f"{int(last.stem) + 1:04}.sql"
    copy.write_text(text)
    return Frozen(name, copy, changed=True, migration=_write_migration(name, last, copy, app))


def _write_migration(name: str, old: Path, new: Path, app: Path) -> Path:
    before = max((app / "migrations").glob("[0-9][0-9][0-9][0-9]_*.py"))
    number = int(before.stem[:4]) + 1
    migration = app / "migrations" / f"{number:04}_{name}_{new.stem}.py"
    migration.write_text(MIGRATION.format(name=name, last=before.stem, old=old.stem, new=new.stem))
    return migration
