"""Prove that the ledger is sound, and keep the result."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry import services
from registry.selectors import reconciliation


class Command(BaseCommand):
    """Locks nothing, so run it as often as you like; ``--keep-nothing`` reads as the auditor."""

    help = (
        "Run the four checks, compare the derived tables with the history, verify the chains, and"
        " keep the result. Status 1: not ok."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--keep-nothing", action="store_true", help="only look, on the auditor's login"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Print what was examined and what is wrong.

        :raises CommandError: something is
        """
        if options["keep_nothing"]:
            result = reconciliation.prove()
        else:
            result = reconciliation.kept(services.reconcile())
        if options["json"]:
            self.stdout.write(json.dumps(result, indent=2, sort_keys=True))
        else:
            self._print(result)
        if not result["ok"]:
            raise CommandError("The ledger does not reconcile.")

    def _print(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"{'Check':<22}{'examined':>12}{'violations':>12}")
        for name, check in sorted(result["checks"].items()):
            self.stdout.write(f"{name:<22}{check['examined']:>12,}{check['violations']:>12,}")
            for example in check["examples"]:
                self.stdout.write(f"    {json.dumps(example)}")
        self.stdout.write(f"\n{'Derived table':<34}{'differing rows':>12}")
        for name in ("leaves", "account_balances", "heads"):
            self.stdout.write(f"{name:<34}{result['derived_drift'][name]:>12,}")
        self.stdout.write(f"{'sums':<34}{result['sums_drift']:>12,}")
        self.stdout.write(f"\n{'Chain':<22}{'links':>12}")
        for chain in result["chains"]:
            bad = chain["bad_height"]
            told = "" if bad is None else f"  DOES NOT HOLD at height {bad}"
            self.stdout.write(f"{chain['commodity']:<22}{chain['height']:>12,}{told}")
        height = sum(result["height"].values())
        state = "Sound" if result["ok"] else "NOT SOUND"
        self.stdout.write(f"\n{state} at {height:,} transactions, {result['checked_at']}.")
