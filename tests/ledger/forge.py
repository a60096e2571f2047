"""Writes ledger rows by hand, as injected code would: an honest whole, or one fault in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from registry.models import Account, Request
from tests import make
from tests.server import Database

Row = dict[str, Any]


# Who writes by hand: the role of the five functions, the owner, a superuser without foreign keys.
WRITERS = ("ledger_writer", "ledger_owner", "replica")


@contextmanager
def refused(*names: str) -> Iterator[None]:
    """Expect PostgreSQL to refuse by all of these: a code, a constraint's name, an SQLSTATE."""
    with pytest.raises(psycopg.Error) as caught:
        yield
    diag = caught.value.diag
    said = {diag.message_primary, diag.constraint_name, diag.sqlstate}
    assert set(names) <= said, f"{names} expected, {said} said: {caught.value}"


def an_approved_transfer(database: Database) -> Request:
    """Approve a transfer of 30, of 100 that were issued and of which 10 were transferred."""
    source, target = make.account(holding=100), make.account()
    make.transfer(source, target, 10)
    return make.approved_transfer(source, target, 30)


def approving(**rules: Any) -> Callable[[Database], tuple[Request, Account, Account]]:
    """Return how to approve a transfer of 30 out of 100 of a new commodity with these rules."""

    def build(database: Database) -> tuple[Request, Account, Account]:
        commodity = make.commodity(**rules)
        source, target = make.account(holding=100, commodity=commodity), make.account()
        return make.approved_transfer(source, target, 30, commodity=commodity), source, target

    return build


class Forger:
    """A session that writes rows by hand as one role."""

    def __init__(self, database: Database, role: str = "ledger_writer") -> None:
        """Sign in and become the role; ``replica`` is a superuser whose session is a replica's."""
        superuser = role in ("postgres", "replica")
        self.connection = database.connect("postgres" if superuser else "ledger_migrator")
        self.connection.row_factory = dict_row
        if role == "replica":
            self.connection.execute("SET session_replication_role = replica")
        if not superuser:
            self.connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        self.connection.commit()

    def run(self, statement: str, *values: Any) -> list[Row]:
        """Run one statement in the open transaction and return its rows."""
        cursor = self.connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def one(self, statement: str, *values: Any) -> Any:
        """Run one statement and return the first column of its first row."""
        return next(iter(self.run(statement, *values)[0].values()))

    def commit(self) -> None:
        """Commit: the moment at which deferred guards speak."""
        self.connection.commit()

    def insert(self, table: str, *, overriding: bool = False, **columns: Any) -> Row:
        """Insert one row into a table of the ledger and return it as stored."""
        statement = sql.SQL(
            "INSERT INTO ledger.{} ({}) " + "OVERRIDING SYSTEM VALUE " * overriding + "VALUES ({})"
            " RETURNING *"
        ).format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(sql.Placeholder() * len(columns)),
        )
        return self.connection.execute(statement, list(columns.values())).fetchone()

    def blocks(self, account: Any) -> list[Row]:
        """Return the unspent blocks of an account, lowest number first."""
        return self.run(
            "SELECT i.* FROM ledger.leaves l JOIN ledger.transaction_items i ON i.id = l.item_id"
            " WHERE l.account_id = %s ORDER BY i.first_no",
            getattr(account, "id", account),
        )

    def header(self, request: Request, **fault: Any) -> Row:
        """Write a transaction's header."""
        columns = {
            "kind": request.kind,
            "request_id": request.id,
            "commodity_id": request.commodity_id,
            "actor_id": request.approver_id or request.submitter_id,
            "occurred_at": self.one("SELECT clock_timestamp()"),
        }
        return self.insert("transactions", overriding="id" in fault, **{**columns, **fault})

    def consume(self, transaction: Row, item_id: int) -> None:
        """Spend a block, which thereby is no longer among the unspent ones."""
        self.insert("transaction_item_inputs", item_id=item_id, transaction_id=transaction["id"])

    def create(self, transaction: Row, parent: Row, **fault: Any) -> Row:
        """Write a block cut from another one, by default the whole of it."""
        names = ("asset_id", "account_id", "region_id", "first_no", "last_no")
        block = {**{name: parent[name] for name in names}, "input_id": parent["id"], **fault}
        block.setdefault("volume", block["last_no"] - block["first_no"] + 1)
        return self.insert("transaction_items", transaction_id=transaction["id"], **block)

    def leaf(self, block: Row, commodity_id: int, **fault: Any) -> Row:
        """Count a block among the unspent ones."""
        names = ("account_id", "asset_id", "region_id", "first_no", "last_no", "volume")
        copied = {name: block[name] for name in names}
        return self.insert(
            "leaves", **{"item_id": block["id"], "commodity_id": commodity_id, **copied, **fault}
        )

    def balance(self, account: Any, commodity_id: int) -> int | None:
        """Return the stored balance of an account."""
        rows = self.run(
            "SELECT balance FROM ledger.account_balances"
            " WHERE account_id = %s AND commodity_id = %s",
            getattr(account, "id", account),
            commodity_id,
        )
        return rows[0]["balance"] if rows else None

    def post(
        self, transaction: Row, asset: int, account: Any, credit: int = 0, debit: int = 0, **f: Any
    ) -> Row:
        """Write one posting, with the balance that follows from the stored one."""
        account_id = getattr(account, "id", account)
        line = self.one(
            "SELECT count(*) + 1 FROM ledger.credits_debits WHERE transaction_id = %s",
            transaction["id"],
        )
        before = self.balance(account_id, transaction["commodity_id"]) or 0
        columns = {
            "transaction_id": transaction["id"],
            "line": line,
            "asset_id": asset,
            "commodity_id": transaction["commodity_id"],
            "account_id": account_id,
            "credit": credit,
            "debit": debit,
            "balance_after": before + credit - debit,
        }
        return self.insert("credits_debits", **{**columns, **f})

    def post_together(self, transaction: Row, asset: int, *rows: tuple) -> None:
        """Write postings (account, credit, debit, balance after) in one statement."""
        values = [
            (transaction["id"], line, asset, transaction["commodity_id"], account.id, *rest)
            for line, (account, *rest) in enumerate(rows, 1)
        ]
        self.run(
            "INSERT INTO ledger.credits_debits (transaction_id, line, asset_id, commodity_id,"
            " account_id, credit, debit, balance_after) VALUES "
            + ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * len(rows)),
            *(value for row in values for value in row),
        )

    def store(self, account: Any, commodity_id: int, balance: int, **fault: Any) -> None:
        """Store an account's balance, opening its row when there is none."""
        account_id = getattr(account, "id", account)
        if self.balance(account_id, commodity_id) is None:
            row = {"account_id": account_id, "commodity_id": commodity_id, "balance": balance}
            self.insert("account_balances", **{**row, **fault})
        else:
            self.run(
                "UPDATE ledger.account_balances SET balance = %s"
                " WHERE account_id = %s AND commodity_id = %s",
                balance,
                account_id,
                commodity_id,
            )

    def execute(self, request: Request, transaction: Row) -> None:
        """Mark a request executed by a transaction."""
        self.run(
            "UPDATE public.registry_request"
            " SET status = 'executed', transaction_id = %s, executed_at = %s WHERE id = %s",
            transaction["id"],
            transaction["recorded_at"],
            request.id,
        )

    def link(self, transaction: Row, **fault: Any) -> Row:
        """Add a transaction to its commodity's chain."""
        columns = {
            "commodity_id": transaction["commodity_id"],
            "transaction_id": transaction["id"],
        }
        return self.insert("chain", **{**columns, **fault})

    def settle(self, transaction: Row, asset: int, source: Any, target: Any, volume: int) -> None:
        """Post a movement from one account to another."""
        self.post(transaction, asset, source, debit=volume)
        self.post(transaction, asset, target, credit=volume)

    def close(self, request: Request, transaction: Row) -> None:
        """Mark the request executed and add the transaction to the chain."""
        self.execute(request, transaction)
        self.link(transaction)

    def mint(
        self, request: Request, first_no: int, cut: Row | None = None, **fault: Any
    ) -> tuple[Row, Row, Row]:
        """Write a mint's header, batch and block (``cut``: its faults); return the three."""
        transaction = self.header(request)
        batch = self.insert(
            "assets",
            **{
                "transaction_id": transaction["id"],
                "commodity_id": transaction["commodity_id"],
                "facility_id": request.facility_id,
                "region_id": request.facility.region_id,
                "production_start": request.production_start,
                "production_end": request.production_end,
                "first_no": first_no,
                "last_no": first_no + request.volume - 1,
                "volume": request.volume,
                **fault,
            },
        )
        parent = {**batch, "asset_id": batch["id"], "account_id": request.target_id, "id": None}
        return transaction, batch, self.create(transaction, parent, **(cut or {}))

    def move(self, request: Request, block: Row | None = None, **header: Any) -> tuple[Row, Row]:
        """Write a whole transfer but for its last two rows; return its header and its block."""
        transaction = self.header(request, **header)
        block = block or self.blocks(request.source_id)[0]
        cut = block["first_no"] + request.volume
        self.consume(transaction, block["id"])
        self.create(transaction, block, account_id=request.target_id, last_no=cut - 1)
        if cut <= block["last_no"]:
            self.create(transaction, block, first_no=cut)
        self.settle(
            transaction, block["asset_id"], request.source_id, request.target_id, request.volume
        )
        return transaction, block
