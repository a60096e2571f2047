"""
Measure the ledger and write docs/performance.md: ``make bench``.

Ratios within one run, against the TPC-B-like transaction of pgbench on the same server with fsync
on. Slices of some seconds are interleaved and the median taken, because absolute figures drift.
"""

import argparse
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("STRATA_DEBUG", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from rich.console import Console  # noqa: E402

from ledgerdb.embedded import EmbeddedServer  # noqa: E402
from tests.bench import fill, reading, replaying  # noqa: E402
from tests.bench.load import SCALE, WARM_UP, Load  # noqa: E402
from tests.bench.report import Figure, write  # noqa: E402

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}
say = Console(stderr=True).print


class Bench:
    """One run of all measurements on one server."""

    def __init__(self, server: EmbeddedServer, *, repeats: int, seconds: int, scale: int) -> None:
        """Remember how long and how often to measure."""
        self.server = server
        self.repeats = repeats
        self.seconds = seconds
        self.scale = scale
        self.figures: list[Figure] = []
        self.load = Load(server, fill.uuid("approver"))
        self.load.prepare_tpcb(fill.TPCB)

    def ledger(
        self, name: str, *, blocks: int, lasting: int = 1000, accounts: int = fill.ACCOUNTS
    ) -> fill.Ledger:
        """Make a ledger whose accounts hold so many blocks, analysed."""
        say(f"filling {name}: {blocks:,} blocks")
        ledger = fill.Ledger(self.server, name, lasting=lasting, accounts=accounts)
        ledger.hold(blocks)
        ledger.connection.execute("VACUUM ANALYZE")
        return ledger

    def transfers(self, ledger: fill.Ledger, content: str, clients: int) -> Callable[[], float]:
        """
        Approve transfers for all repeats; return what executes them for some seconds.

        That returns how many good ones there were a second. While the clock runs, nothing else is
        done: no request is added, and autovacuum has nothing to catch up with.
        """
        count = clients * (self.seconds + WARM_UP) * (700 if clients > 1 else 2500)
        bases = [ledger.approve(content, count) for _ in range(self.repeats)]
        ledger.connection.execute("VACUUM ANALYZE")

        def rate() -> float:
            run = self.load.transfers(
                ledger.name, clients=clients, seconds=self.seconds, base=bases.pop(), count=count
            )
            if run.failed or run.done > count // 2:
                raise RuntimeError(f"{run.failed} of {run.done} failed, {count} were prepared")
            return run.rate

        return rate

    def interleaved(self, *turns: Callable[[], float]) -> list[float]:
        """Take turns; return the median of each."""
        results: list[list[float]] = [[] for _ in turns]
        for _ in range(self.repeats):
            for result, turn in zip(results, turns, strict=True):
                result.append(turn())
        say("  ", *(f"{statistics.median(result):,.0f}" for result in results))
        return [statistics.median(result) for result in results]

    def tpcb(self, clients: int) -> float:
        """Run the yardstick."""
        return self.load.tpcb(fill.TPCB, clients=clients, seconds=self.seconds).rate

    def add(self, what: str, value: float, floor: str, goal: str, note: str = "") -> None:
        """Keep one figure."""
        self.figures.append(Figure(what, value, floor, goal, note))
        say(f"[bold]{what}: {value:.2f}[/] (floor {floor}, goal {goal}) {note}")

    def prove(self, ledger: fill.Ledger) -> None:
        """See that the ledger reconciles and its chains verify, or stop."""
        if ledger.proof() != (True, True):
            raise RuntimeError(f"{ledger.name} does not reconcile or verify")
        say(f"  {ledger.name}: reconcile ok, chains verify")

    def uniform(self) -> None:
        """Transfers between 1,000 accounts in 8 commodities, and on one pair."""
        ledger = self.ledger("uniform", blocks=8000)
        for clients, floor, goal in ((8, "0.42", "0.72"), (1, "0.8", "1.3")):
            yardstick, rate = self.interleaved(
                lambda clients=clients: self.tpcb(clients),
                self.transfers(ledger, fill.uniform(), clients),
            )
            self.add(
                f"uniform transfers, {clients} client{'s'[: clients > 1]} ÷ TPC-B",
                rate / yardstick, floor, goal, f"{rate:,.0f} and {yardstick:,.0f} a second",
            )  # fmt: skip
        # Enough that a random walk does not end at nothing.
        ledger.mint(1, "md5('account ' || 1 + n % 2)::uuid", 1_000_000, 2)
        yardstick, rate = self.interleaved(
            lambda: self.tpcb(8), self.transfers(ledger, fill.HOT_PAIR, 8)
        )
        self.add(
            "one hot pair, both directions, 8 clients ÷ TPC-B", rate / yardstick, "0.15", "0.30",
            f"{rate:,.0f} a second, no aborts",
        )  # fmt: skip
        self.add("deadlocks", ledger.deadlocks(), "0", "0")
        self.prove(ledger)
        count = 100_000 // self.scale
        ledger.execute("transfer", fill.uniform(), count)
        self.add(
            f"blocks consumed per transfer after {count:,} random ones",
            ledger.consumed_per_transfer(count // 10), "1.2", "1.05",
        )  # fmt: skip
        self.prove(ledger)
        ledger.drop()

    def size(self) -> None:
        """The same work on a small and on a large ledger."""
        blocks = 1_000_000 // self.scale
        small = self.ledger("small", blocks=1000, accounts=125)
        large = self.ledger("large", blocks=blocks, accounts=125)
        few, many = self.interleaved(
            self.transfers(small, fill.uniform(125), 8),
            self.transfers(large, fill.uniform(125), 8),
        )
        self.add(f"rate with {blocks:,} blocks ÷ with 1,000", many / few, "0.90", "0.98")
        self.prove(small)
        self.prove(large)
        small.drop()
        large.drop()

    def fresh(self) -> None:
        """A fresh ledger without autovacuum: do plans made on it age?"""
        ledger = self.ledger("fresh", blocks=8000)
        ledger.connection.execute("ALTER SYSTEM SET autovacuum = off")
        ledger.connection.execute("SELECT pg_reload_conf()")
        count = 8 * 15 * 1200
        base = ledger.approve(fill.uniform(), count)
        run = self.load.transfers(
            ledger.name, clients=8, seconds=15 - WARM_UP, base=base, count=count
        )
        first, last = statistics.mean(run.seconds[:2]), statistics.mean(run.seconds[-2:])
        self.add("last 2 s ÷ first 2 s of 15 s, fresh, no autovacuum", last / first, "0.8", "0.95")
        ledger.connection.execute("ALTER SYSTEM RESET autovacuum")
        ledger.connection.execute("SELECT pg_reload_conf()")
        self.prove(ledger)
        ledger.drop()

    def sweeps(self) -> None:
        """Many blocks in one transaction: cost must grow with their number and no faster."""
        ledger = self.ledger("sweeps", blocks=0, lasting=7)
        for kind, make in (("retire", ledger.many_to_retire), ("expire", ledger.many_to_expire)):
            times: dict[int, list[float]] = {1000: [], 10_000: []}
            for _ in range(self.repeats):
                make(11_000)
                ledger.connection.execute("ANALYZE")
                for blocks, taken in times.items():
                    base = ledger.approve(fill.sweep(kind, blocks), 1)
                    started = time.perf_counter()
                    ledger.call(kind, base)
                    taken.append(time.perf_counter() - started)
            small, large = (statistics.median(taken) for taken in times.values())
            self.add(
                f"{kind} 10,000 blocks at once ÷ 1,000", large / small, "14", "11",
                f"{large:.2f} s and {small:.3f} s",
            )  # fmt: skip
        self.prove(ledger)
        ledger.drop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--scale", type=int, default=1, help="divide the large figures by this")
    parser.add_argument("--only", choices=("uniform", "size", "fresh", "sweeps"))
    parser.add_argument("--reads", action="store_true", help="measure reading, at 1 M blocks")
    parser.add_argument(
        "--blocks", type=int, nargs="+", default=[1_000_000], help="with --reads: other sizes"
    )
    parser.add_argument(
        "--history", type=Path, nargs="+", default=[],
        help="with --reads: directories that manage.py make_history filled, and not new ones",
    )  # fmt: skip
    parser.add_argument(
        "--replay", type=int, nargs="+", metavar="EVENTS", help="measure migrations of so many"
    )
    parser.add_argument("--dry", action="store_true", help="do not write docs/performance.md")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the document."""
    options = _options()
    if options.reads:
        reading.measure(
            options.blocks, options.history, dry=options.dry, seconds=6 * options.seconds
        )
        return
    if options.replay:
        replaying.measure(options.replay, dry=options.dry)
        return
    directory = Path(tempfile.mkdtemp(prefix="strata-bench-", dir="/var/tmp"))
    directory.chmod(0o711)
    try:
        with EmbeddedServer(directory / "data", settings=SETTINGS) as server:
            bench = Bench(
                server, repeats=options.repeats, seconds=options.seconds, scale=options.scale
            )
            for name in ("uniform", "size", "fresh", "sweeps"):
                if options.only in (None, name):
                    getattr(bench, name)()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if not (options.dry or options.only):
        write(
            bench.figures,
            f"PostgreSQL 18 from the wheel, fsync on, {os.cpu_count()} cores"
            f" ({platform.machine()}), shared_buffers 1 GB; pgbench scale {SCALE}, `-M prepared`;"
            f" median of {options.repeats} interleaved slices of {options.seconds} s, each after"
            f" {WARM_UP} s in which sessions make their plans.",
        )


if __name__ == "__main__":
    main()
