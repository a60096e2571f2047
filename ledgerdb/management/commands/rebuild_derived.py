"""Rebuild the derived tables from the history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledgerdb import reads


class Command(BaseCommand):
    """Signs in as ``ledger_migrator``; the tables are locked, so nothing is executed meanwhile."""

    help = "Empty the derived tables and fill them from the history. Status 1: they still differ."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the consent."""
        parser.add_argument("--yes", action="store_true", help="really do it")

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Rebuild, and print how far the tables had drifted.

        :raises CommandError: nobody said --yes, or the tables differ from the history even now
        """
        if not options["yes"]:
            raise CommandError(
                "This empties leaves, account_balances, heads and sums, refills them from the"
                " history, and holds up every execution meanwhile. Say --yes to do it."
            )
        before = reads.derived_drift(using="migrator")
        after = reads.rebuild_derived()
        self.stdout.write(f"{'Derived table':<20}{'differed':>10}{'differs now':>14}")
        for name in ("leaves", "account_balances", "heads"):
            self.stdout.write(f"{name:<20}{before[name]:>10,}{after[name]:>14,}")
        wrong = reads.sums_drift(using="migrator")
        # Also when they do not differ now: earlier ones may, and what came and went together.
        reads.rebuild_sums()
        left = reads.sums_drift(using="migrator")
        self.stdout.write(f"{'sums':<20}{wrong:>10,}{left:>14,}")
        if left or not after["ok"]:
            raise CommandError("The derived tables still differ from the history.")
