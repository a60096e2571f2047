"""What reading costs where the ledger is large: single questions, whole pages, proofs."""

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from django.db import connections
from django.test import Client

from ledgerdb import custody, past, positions, sums
from ledgerdb.bulk import uuid
from ledgerdb.reads import Row
from registry.models import User
from tests import plans

REPEATS = 20


class Reads:
    """The questions to one made-up history."""

    def __init__(self, dsn: str) -> None:
        """Look up what the questions are about."""
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.random = random.Random(1)
        self.plans: list[str] = []

    def value(self, statement: str, *values: object) -> int:
        """Return one number."""
        found = self.connection.execute(statement, values).fetchone()
        return int(found[0])

    def top(self, commodity: int) -> int:
        """Return the height of a commodity."""
        return self.value("SELECT max(height) FROM ledger.chain WHERE commodity_id = %s", commodity)

    def marks(self, commodity: int) -> list[Row]:
        """Return a position of a commodity, by chance; or of all, where none is named."""
        codes = [commodity] if commodity else [mark["commodity_id"] for mark in positions.at(None)]
        return positions.at_heights(
            {f"C{code}": self.random.randint(1, self.top(code)) for code in codes}
        )

    def figures(self) -> Iterator[tuple[str, float, float, float]]:
        """Measure: what, seconds, floor, goal."""
        yield from self.questions()
        yield from self.lineages()
        yield from self.proofs()

    def questions(self) -> Iterator[tuple[str, float, float, float]]:
        """Measure single questions, each about another moment every time."""
        for number in (1, 2):
            account = UUID(uuid(f"account {number}"))
            yield (
                f"as-of total of account {number}",
                self.middle(lambda at, of=account: past.balances([of], at), number), 0.02, 0.001,
            )  # fmt: skip
            scope = past.Scope(accounts=[account])
            yield (
                f"first page of 50 blocks of account {number} as of a date",
                self.middle(lambda at, of=scope: past.blocks(of, at, limit=51), number), 0.1, 0.02,
            )  # fmt: skip
        yield "holder of a certificate on a date", self.middle(self.holder, 1), 0.01, 0.001
        for by, ask in (
            ("batch, the first 50", lambda at: sums.of_batches(at, None, after="", limit=51)),
            ("facility", lambda at: sums.of_facilities(at, after="", limit=50)),
            ("region", sums.of_regions),
        ):
            yield f"conservation by {by}, as of a date", self.middle(ask, 0), 0.5, 0.2

    def holder(self, marks: list[Row]) -> None:
        """Ask who held a certificate that was minted by then."""
        (mark,) = marks
        last = self.value(
            "SELECT max(last_no) FROM ledger.assets"
            " WHERE commodity_id = 1 AND transaction_id <= %s",
            mark["transaction_id"],
        )
        number = self.random.randint(1, last)
        began = time.perf_counter()
        block = custody.block_at(1, number, mark["transaction_id"])
        assert block is not None
        assert custody.hops(block, None, limit=1)
        self.taken = time.perf_counter() - began

    def middle(self, ask: Callable[[list[Row]], object], commodity: int) -> float:
        """Return the median time of a question, asked as a page asks it."""
        times = []
        for turn in range(REPEATS + 2):
            marks = self.marks(commodity)
            with positions.one_moment():
                self.taken = 0.0
                began = time.perf_counter()
                ask(marks)
                taken = self.taken or time.perf_counter() - began
            if turn >= 2:
                times.append(taken)
        with positions.one_moment(), plans.explained("audit") as found:
            ask(self.marks(commodity))
        self.note(found)
        return statistics.median(times)

    def lineages(self) -> Iterator[tuple[str, float, float, float]]:
        """Measure the pages about batches that were cut ten thousand times."""
        client = self.client("auditor")
        at_once = self.value(
            "SELECT i.id FROM ledger.transaction_items i WHERE i.input_id IS NULL"
            " AND i.asset_id = (SELECT min(id) FROM ledger.assets WHERE commodity_id = 3)"
        )
        cut = self.value("SELECT min(id) + 4 FROM ledger.assets WHERE commodity_id = 1")
        last = self.value("SELECT last_no FROM ledger.assets WHERE id = %s", cut)
        split = self.value("SELECT min(id) FROM ledger.assets WHERE commodity_id = 3")
        yield "lineage, cut 10,000 times at once", self.page(client, f"/blocks/{at_once}"), 0.8, 0.3
        yield (
            "lineage of the whole batch, cut 10,000 times at once",
            self.page(client, f"/batches/{split}/lineage"), 0.8, 0.3,
        )  # fmt: skip
        yield (
            "lineage of the whole batch, cut 10,000 times one by one",
            self.page(client, f"/batches/{cut}/lineage"), 0.8, 0.3,
        )  # fmt: skip
        yield (
            "trace, cut 10,000 times one by one",
            self.page(client, f"/batches/{cut}/trace"), 0.8, 0.3,
        )  # fmt: skip
        yield (
            "custody of its last certificate, 10,000 hops",
            self.page(client, f"/certificates/C1/{last}"), 0.8, 0.3,
        )  # fmt: skip

    def client(self, who: str) -> Client:
        """Sign somebody in."""
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.get(code=who))
        return client

    def page(self, client: Client, path: str) -> float:
        """Return the median time of a page, rendered."""
        times = []
        for turn in range(7):
            began = time.perf_counter()
            answer = client.get(path)
            if turn:
                times.append(time.perf_counter() - began)
            assert answer.status_code == 200, path
        with plans.explained() as found:
            client.get(path)
        self.note(found)
        return statistics.median(times)

    def proofs(self) -> Iterator[tuple[str, float, float, float]]:
        """Measure what proves the ledger: each must find it sound."""
        began = time.perf_counter()
        (sound,) = self.connection.execute(
            "SELECT (ledger.reconcile() ->> 'ok')::boolean"
        ).fetchone()
        yield "reconcile", time.perf_counter() - began, 10, 2.5
        began = time.perf_counter()
        (rebuilt,) = self.connection.execute(
            "SELECT (ledger.rebuild_derived() ->> 'ok')::boolean"
        ).fetchone()
        yield "rebuild", time.perf_counter() - began, 60, 6
        began = time.perf_counter()
        self.connection.execute("SELECT ledger.rebuild_sums()")
        yield "keep all sums anew", time.perf_counter() - began, 60, 6
        drift = self.value("SELECT ledger.sums_drift()")
        began = time.perf_counter()
        (bad,) = self.connection.execute("SELECT ledger.verify_chain(1)").fetchone()
        links = self.top(1)
        yield f"verify a chain of {links:,}", time.perf_counter() - began, 10, 2
        if not sound or not rebuilt or bad is not None or drift:
            raise RuntimeError("the history does not reconcile, rebuild or verify")

    def note(self, found: list[plans.Plan]) -> None:
        """Keep the plans; stop at one that reads a whole table."""
        for plan in found:
            drawn = plans.drawn(plan.root)
            self.plans.append(drawn)
            if plan.passes():
                raise RuntimeError(f"reads {plan.passes()} whole:\n{plan.statement}\n\n{drawn}")

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()
        connections.close_all()


def shown(seconds: float) -> str:
    """Write a time with its unit."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def table(columns: dict[int, dict[str, tuple[float, float, float]]]) -> list[str]:
    """Write the figures of each size beside each other."""
    sizes = sorted(columns)
    head = [f"{size:,} blocks" for size in sizes]
    lines = [
        f"Measured on {datetime.now(tz=UTC):%d %B %Y}.",
        "",
        f"| | floor | goal | {' | '.join(head)} |" + (" ratio |" if len(sizes) > 1 else ""),
        "|---" * (3 + len(sizes) + (len(sizes) > 1)) + "|",
    ]
    for what, (_, floor, goal) in columns[sizes[0]].items():
        values = [columns[size].get(what, (math.nan, 0, 0))[0] for size in sizes]
        cells = [shown(floor), shown(goal), *(f"**{shown(value)}**" for value in values)]
        if len(sizes) > 1:
            cells.append(f"{values[-1] / values[0]:.2f}")
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines
