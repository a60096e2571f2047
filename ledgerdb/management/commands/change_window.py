"""Open, close and list change windows."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ledgerdb import bootstrap
from ledgerdb.management.administrator import AdministratorCommand

PURPOSES = ("ddl", "replay")


class Command(AdministratorCommand):
    """Run as a database administrator, before and after a migration or a replay."""

    help = (
        "Allow changes of the ledger's definition (ddl) or events with past times (replay) for some"
        " minutes. Every window and its reason stay on record."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        super().add_arguments(parser)
        acts = parser.add_subparsers(dest="act", required=True, metavar="open | close | list")
        opening = acts.add_parser("open", help="open a window")
        opening.add_argument("--minutes", type=int, default=30, help="default: %(default)s")
        opening.add_argument("--reason", required=True, help="why; stays on record")
        opening.add_argument("--purpose", choices=PURPOSES, default="ddl")
        closing = acts.add_parser("close", help="close what is open")
        closing.add_argument("--purpose", choices=PURPOSES, help="only these; default: both")
        acts.add_parser("list", help="show every window there was")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what was done."""
        where = (options["admin_dsn"], options["database"])
        {"open": self._open, "close": self._close, "list": self._list}[options["act"]](
            where, options
        )

    def _open(self, where: tuple[str, str], options: dict[str, Any]) -> None:
        if options["minutes"] < 1 or not options["reason"].strip():
            raise CommandError("A window is open for one minute or more, and has a reason.")
        chosen = {name: options[name] for name in ("minutes", "reason", "purpose")}
        bootstrap.open_change_window(*where, **chosen)
        self.stdout.write(f"A {options['purpose']} window is open for {options['minutes']} min.")

    def _close(self, where: tuple[str, str], options: dict[str, Any]) -> None:
        for purpose in [options["purpose"]] if options["purpose"] else PURPOSES:
            closed = bootstrap.close_change_window(*where, purpose=purpose)
            self.stdout.write(f"{closed} {purpose} windows closed.")

    def _list(self, where: tuple[str, str], options: dict[str, Any]) -> None:
        windows = bootstrap.change_windows(*where)
        for window in windows:
            self.stdout.write(
                f"{'OPEN  ' if window['open'] else 'closed'}  {window['purpose']:<6}"
                f"  {window['opened_at']:%Y-%m-%d %H:%M:%S} to {window['closes_at']:%H:%M:%S} UTC"
                f"  {window['opened_by']}: {window['reason']}"
            )
        if not windows:
            self.stdout.write("No window was ever opened.")
