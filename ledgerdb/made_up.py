"""
A made-up history of many blocks, to see how the registry reads when it is large.

Made through the ledger's own functions, so it reconciles and its chains verify. It holds what reads
badly: accounts that held a hundred thousand blocks and spent them, batches cut ten thousand times
one piece after the other, others cut as often at once, and a chain of two hundred thousand links.
"""

from collections.abc import Callable

import psycopg

from ledgerdb.bulk import Bulk, account, columns

LEAST = 1000
# At a million blocks and more.
DEEP, CUTS, BATCHES = 100_000, 10_000, 10
# So many at once: a request that names ranges costs the square of how many it names.
PASSED_ON, SPLIT = 500, 500
SOUGHT = ("registry_organisation", "registry_user", "registry_account", "registry_request")
Progress = Callable[[int], None]


class NotEmptyError(Exception):
    """The database holds a registry already; nothing was added."""


class History:
    """
    Fills an empty registry with so many blocks.

    Account 1 sells one batch after the other in small pieces; account 2 receives thousands of
    blocks again and again, passes them on, and keeps one old block all the while; others trade.
    """

    def __init__(
        self, connection: psycopg.Connection, blocks: int, progress: Progress = lambda _: None
    ) -> None:
        """
        Add the reference rows.

        :param connection: of a superuser, in autocommit
        :param progress: told how many blocks there are
        :raises NotEmptyError: the database holds a registry already
        """
        self.connection = connection
        self.blocks = blocks
        self.deep = min(DEEP, blocks // 10)
        self.tell = progress
        accounts = min(1000, 10 + blocks // 1000)
        with connection.transaction():
            connection.execute(f"LOCK TABLE {', '.join(SOUGHT)} IN EXCLUSIVE MODE")
            for table in (*SOUGHT, "ledger.transactions"):
                if connection.execute(f"SELECT FROM {table} LIMIT 1").fetchone() is not None:
                    raise NotEmptyError(table)
            self.bulk = Bulk(connection, accounts=accounts, progress=self._progress)
        # Those who trade: all but the first two.
        self.traders = accounts - 2

    def make(self) -> None:
        """Let everything happen, and collect the statistics."""
        for part in (self.sell_piece_by_piece, self.pass_on, self.trade, self.split_the_rest):
            part()
            self.connection.execute("VACUUM ANALYZE")
        # As reconciliation does; it would also prove.
        self.connection.execute("SELECT ledger.sum_up()")
        self._progress()

    def made(self) -> int:
        """Return how many blocks there are: their ids have no gaps where nothing was refused."""
        found = self.connection.execute("SELECT max(id) FROM ledger.transaction_items").fetchone()
        return int(found[0] or 0) if found else 0

    def sell_piece_by_piece(self) -> None:
        """Let account 1 sell batches in pieces: each piece leaves a spent block behind."""
        cuts = self.deep // BATCHES
        for _ in range(BATCHES):
            self.bulk.mint(1, account(1), cuts * 20, 1)
            self.bulk.execute(
                "transfer",
                columns(
                    "transfer",
                    source=account(1),
                    target=account(f"3 + n % {self.traders}"),
                    volume="20",
                ),
                cuts,
            )

    def pass_on(self) -> None:
        """Let account 2 receive many blocks at once and pass them on, again and again."""
        self.bulk.mint(2, account(2), 1_000_000, 1)
        received = (
            "(SELECT range_agg(int8range(l.first_no, l.last_no + 1)) FROM ledger.leaves l"
            f" WHERE l.account_id = {account(2)}"
            " AND l.asset_id = (SELECT max(id) FROM ledger.assets))"
        )
        at_once = min(PASSED_ON, self.deep // BATCHES)
        for turn in range(self.deep // at_once):
            self.bulk.split(2, 2 * at_once, giver=3, taker=2)
            retires = bool(turn % 2)
            kind = "retire" if retires else "transfer"
            self.bulk.execute(
                kind,
                columns(
                    kind,
                    commodity="2",
                    source=account(2),
                    target="md5('retirement')::uuid" if retires else account(4),
                    ranges=received,
                    beneficiary="'Town'" if retires else "''",
                ),
                1,
            )

    def trade(self) -> None:
        """Let the others trade among themselves what account 1 sold them."""
        other = f"floor(random() * {self.traders - 1})::integer"
        self.bulk.execute(
            "transfer",
            columns(
                "transfer",
                source=account(f"3 + n % {self.traders}"),
                target=account(f"3 + (n + 1 + {other}) % {self.traders}"),
                volume="1 + floor(random() * 20)::bigint",
            ),
            self.deep,
        )

    def split_the_rest(self) -> None:
        """Issue batches and cut each into many blocks at once, the first into most."""
        turn, missing = 0, self.blocks - self.made()
        while missing > 0:
            blocks = max(2, min(missing, SPLIT if turn else CUTS))
            self.bulk.split(
                3 + turn % 6,
                blocks,
                giver=3 + turn % self.traders,
                taker=3 + (turn + 1) % self.traders,
            )
            turn, missing = turn + 1, missing - blocks

    def _progress(self) -> None:
        self.tell(self.made())
