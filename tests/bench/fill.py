"""Fill a database with accounts, holdings and approved requests for the measurements."""

import psycopg
from django.core.management import call_command

from ledgerdb.bootstrap import bootstrap, close_change_window, open_change_window
from ledgerdb.bulk import ACCOUNTS, Bulk, columns, numbered, uniform, uuid
from ledgerdb.embedded import EmbeddedServer
from tests.server import Server, django_uses

__all__ = ["ACCOUNTS", "DATABASE", "HOT_PAIR", "TPCB", "Ledger", "sweep", "uniform", "uuid"]
DATABASE = "bench"
TPCB = "tpcb"

HOT_PAIR = columns(
    "transfer",
    source="md5('account ' || 1 + n % 2)::uuid",
    target="md5('account ' || 2 - n % 2)::uuid",
    volume="1 + floor(random() * 20)::bigint",
)


def sweep(kind: str, blocks: int) -> str:
    """Describe a retirement of so many blocks of one certificate, or an expiry of so many."""
    if kind == "expire":
        return columns("expire", commodity="8", max_blocks=str(blocks))
    return columns(
        "retire",
        source="md5('account 1')::uuid",
        target="md5('retirement')::uuid",
        volume=str(blocks),
        beneficiary="'Town'",
    )


class Ledger(Bulk):
    """A database with a ledger, filled in bulk as its superuser."""

    def __init__(
        self, server: EmbeddedServer, name: str, *, lasting: int = 1000, accounts: int = ACCOUNTS
    ) -> None:
        """Make the database, migrate it, and add the reference rows."""
        self.server = server
        self.name = name
        install(server, name)
        connection = psycopg.connect(server.dsn(dbname=name), autocommit=True)
        # What pgbench names a request by.
        connection.execute(
            "CREATE FUNCTION public.request_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS "
            f"$$ SELECT {numbered('n')} $$"
        )
        super().__init__(connection, accounts=accounts, lasting=lasting)

    def call(self, kind: str, number: int) -> None:
        """Execute one approved request."""
        self.connection.execute(
            f"SELECT ledger_api.{kind}(request_id(%s), md5('approver')::uuid)", (number,)
        )

    def many_to_retire(self, blocks: int) -> None:
        """Give the first account so many blocks of one certificate."""
        self.next_request += 1000 - self.next_request % 1000
        self.split(1, blocks, size=1)
        source = "md5('account 2')::uuid"
        self.execute(
            "transfer",
            columns(
                "transfer", source=source, target="md5('account 1')::uuid", volume=str(blocks // 2)
            ),
            1,
        )

    def many_to_expire(self, blocks: int) -> None:
        """Issue so many batches of one certificate that has expired."""
        self.mint(8, "md5('account ' || 1 + n % 1000)::uuid", 1, blocks)

    def deadlocks(self) -> int:
        """Count the deadlocks that PostgreSQL saw in this database."""
        (count,) = self.connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
        return count

    def consumed_per_transfer(self, transfers: int) -> float:
        """Return the mean number of blocks that each of the last transfers consumed."""
        (mean,) = self.connection.execute(
            "SELECT count(*)::float / %s FROM ledger.transaction_item_inputs WHERE transaction_id"
            " > (SELECT max(id) - %s FROM ledger.transactions)",
            (transfers, transfers),
        ).fetchone()
        return mean

    def drop(self) -> None:
        """Drop the database."""
        self.connection.close()
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    def proof(self) -> tuple[bool, bool]:
        """Say whether the ledger reconciles, and whether every chain verifies."""
        (sound,) = self.connection.execute(
            "SELECT (ledger.reconcile() ->> 'ok')::boolean"
        ).fetchone()
        (bad,) = self.connection.execute(
            "SELECT count(ledger.verify_chain(id)) FROM registry_commodity"
        ).fetchone()
        return sound, bad == 0


def install(server: EmbeddedServer, name: str) -> None:
    """Make an empty registry, as a deployment does."""
    bootstrap(server.dsn(), name)
    open_change_window(server.dsn(), name, reason="measurement")
    with django_uses(Server(server.dsn(), {}), name):
        call_command("migrate", database="migrator", verbosity=0)
    close_change_window(server.dsn(), name)
