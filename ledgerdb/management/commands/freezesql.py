"""Freeze files of ledgerdb/sql for the migrations."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledgerdb import freeze


class Command(BaseCommand):
    """Needs no database; commit what it writes together with the file."""

    help = (
        "Copy ledgerdb/sql/NAME.sql to migrations/sql/NAME/: before 1.0 over copy 0001, later as"
        " the next copy, with a migration whose reverse runs the previous one."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which files."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("name", nargs="?", metavar="NAME", help="such as 062_transfer")
        which.add_argument("--all", action="store_true", help="every file that differs")

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Freeze, and print what was written.

        :raises CommandError: a file cannot be frozen
        """
        released = freeze.is_released()
        try:
            for name in freeze.names(freeze.HERE) if options["all"] else [options["name"]]:
                self._tell(freeze.freeze(name, app=freeze.HERE, released=released))
        except freeze.CannotFreezeError as error:
            raise CommandError(str(error)) from error

    def _tell(self, frozen: freeze.Frozen) -> None:
        written = [path for path in (frozen.copy, frozen.migration) if path]
        said = " and ".join(str(path.relative_to(freeze.HERE)) for path in written)
        self.stdout.write(f"{frozen.name}: {'wrote ' if frozen.changed else 'unchanged, '}{said}")
