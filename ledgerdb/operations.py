"""The migration operation that runs a frozen SQL file."""

from pathlib import Path
from typing import Any

from django.db.migrations.operations.base import Operation

FROZEN = Path(__file__).parent / "migrations" / "sql"

# A function is created by its owner, who needs CREATE on the schema for that moment only.
OWNERS = "ledger_writer, ledger_check, ledger_deriver, ledger_recorder"
LEND = f"GRANT CREATE ON SCHEMA ledger, ledger_api TO {OWNERS}"
TAKE_BACK = f"REVOKE CREATE ON SCHEMA ledger, ledger_api FROM {OWNERS}"


def run_sql(connection: Any, text: str) -> None:
    """Run one SQL file as the ledger's owner, who lends CREATE to the owners of functions."""
    with connection.cursor() as cursor:
        cursor.execute(LEND)
        cursor.execute(text)
        cursor.execute(TAKE_BACK)


class SqlFile(Operation):
    """
    Run a frozen copy of a file of ``ledgerdb/sql``, and an earlier copy to go back.

    Paths are relative to ``ledgerdb/migrations/sql``. Copy 0000 of a file undoes its first install.
    """

    reversible = True
    reduces_to_sql = False

    def __init__(self, forward: str, backward: str) -> None:
        """Name both directions."""
        self.forward = forward
        self.backward = backward

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models alone."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Run the new copy."""
        run_sql(schema_editor.connection, (FROZEN / self.forward).read_text())

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Run the earlier copy."""
        run_sql(schema_editor.connection, (FROZEN / self.backward).read_text())

    def describe(self) -> str:
        """Say what runs."""
        return f"Run {self.forward}"
