"""Verify the chains of hashes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledgerdb import reads


class Command(BaseCommand):
    """Reads as ``ledger_auditor``."""

    help = (
        "Compute every link of the chains again and find an edit, a removal or a swap."
        " Status 1: a chain does not hold; status 2: nothing was verified."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which part of which chain."""
        parser.add_argument("--commodity", metavar="CODE", help="default: every commodity")
        parser.add_argument("--from", type=int, default=1, metavar="HEIGHT", dest="first")
        parser.add_argument(
            "--to", type=int, metavar="HEIGHT", dest="last", help="default: the top"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Print one line per commodity.

        :raises CommandError: a chain does not hold, or there is nothing such as asked for
        """
        first, last = options["first"], options["last"]
        if first < 1 or (last is not None and last < first):
            raise CommandError("Heights start at 1, and --to is not below --from.", returncode=2)
        heads = reads.chain_heads()
        bad = 0
        for commodity in self._commodities(options["commodity"]):
            top, digest = heads.get(commodity["id"], (0, b""))
            if first > max(top, 1):
                raise CommandError(f"{commodity['code']} ends at height {top}.", returncode=2)
            broken = reads.verify_chain(commodity["id"], first, last)
            bad += broken is not None
            told = "holds" if broken is None else f"DOES NOT HOLD at height {broken}"
            self.stdout.write(
                f"{commodity['code']:<12}{first:>8} to {last or top:<8}{told}"
                + (f", head {digest.hex()}" if top and last is None else "")
            )
        if bad:
            raise CommandError(f"{bad} of the chains does not hold.")

    def _commodities(self, code: str | None) -> list[dict[str, Any]]:
        found = reads.rows(
            "SELECT id, code FROM public.registry_commodity"
            " WHERE code = %(code)s OR %(code)s::text IS NULL ORDER BY code",
            {"code": code},
            using="audit",
        )
        if code and not found:
            raise CommandError(f"There is no commodity {code}.", returncode=2)
        return found
