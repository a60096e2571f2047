"""Prove that the ledger is sound."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledgerdb import reads


class Command(BaseCommand):
    """Reads as ``ledger_auditor``; locks nothing, so run it as often as you like."""

    help = "Run the four checks and compare the derived tables with the history. Status 1: not ok."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Print what was examined and what is wrong.

        :raises CommandError: something is
        """
        result, drift = reads.reconcile(), reads.derived_drift()
        ok = result["ok"] and drift["ok"]
        if options["json"]:
            whole = {**result, "ok": ok, "derived_drift": drift}
            self.stdout.write(json.dumps(whole, indent=2, sort_keys=True))
        else:
            self._print(result, drift)
        if not ok:
            raise CommandError("The ledger does not reconcile.")

    def _print(self, result: dict[str, Any], drift: dict[str, Any]) -> None:
        self.stdout.write(f"{'Check':<22}{'examined':>12}{'violations':>12}")
        for name, check in sorted(result["checks"].items()):
            self.stdout.write(f"{name:<22}{check['examined']:>12,}{check['violations']:>12,}")
            for example in check["examples"]:
                self.stdout.write(f"    {json.dumps(example)}")
        self.stdout.write(f"\n{'Derived table':<34}{'differing rows':>12}")
        for name in ("leaves", "account_balances", "heads"):
            self.stdout.write(f"{name:<34}{drift[name]:>12,}")
        height = sum(result["height"].values())
        state = "Sound" if result["ok"] and drift["ok"] else "NOT SOUND"
        self.stdout.write(f"\n{state} at {height:,} transactions, {result['checked_at']}.")
