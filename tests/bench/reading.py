"""Measure reading: make the histories or open them, ask everything, write the section."""

import contextlib
import math
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.core.management import call_command
from django.test import Client
from rich.console import Console

from ledgerdb.embedded import EmbeddedServer
from ledgerdb.management.commands.make_history import DATABASE
from registry.models import User
from tests.bench import report, users
from tests.bench.reads import Reads, shown, table
from tests.server import Server, django_uses

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}
Figures = dict[str, tuple[float, float, float]]
say = Console(stderr=True).print


def measure(sizes: list[int], histories: list[Path], *, dry: bool, seconds: int) -> None:
    """Measure histories that are there, or else new ones of some sizes."""
    columns: dict[int, Figures] = {}
    plans: dict[str, list[str]] = {}
    for directory in histories:
        _measure(directory, columns, plans, seconds)
    for size in sizes if not histories else []:
        with _temporary() as directory:
            call_command("make_history", blocks=size, directory=directory / "data")
            _measure(directory / "data", columns, plans, seconds)
    lines = table(columns)
    say("\n".join(lines))
    if not dry:
        conditions = (
            f"`python -m tests.bench --reads`, PostgreSQL 18 from the wheel, {os.cpu_count()} cores"
            f" ({platform.machine()}), shared_buffers 1 GB. Questions: the median of 20, each about"
            " another moment. Pages: the median of 6, rendered. Users: 20 on two gunicorn workers,"
            " each opening a page a second after the last, for"
            f" {seconds} s, over {len(users.PAGES)} pages that grow with the ledger."
        )
        report.replace("reads", [lines[0] + " " + conditions, *lines[1:]])
        report.write_plans(min(columns), plans)


def _measure(
    directory: Path, columns: dict[int, Figures], plans: dict[str, list[str]], seconds: int
) -> None:
    with EmbeddedServer(directory, settings=SETTINGS) as server, _django(server):
        reads = Reads(server.dsn(dbname=DATABASE))
        reads.connection.execute("SELECT ledger.sum_up()")
        size = reads.value("SELECT max(id) FROM ledger.transaction_items")
        smallest = size < min(columns, default=math.inf)
        figures = columns.setdefault(size, {})
        say(f"{directory}: {size:,} blocks")
        for what, taken, floor, goal in reads.figures():
            figures[what] = (taken, floor, goal)
            if smallest:
                plans[what] = reads.plans
            reads.plans = []
            say(f"  {what}: [bold]{shown(taken)}[/] (floor {shown(floor)}, goal {shown(goal)})")
        _users(figures, seconds)
        reads.close()


def _users(figures: Figures, seconds: int) -> None:
    cookies = []
    for _ in range(users.USERS):
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.get(code="auditor"))
        cookies.append(client.cookies["sessionid"].value)
    with users.served() as port:
        users.read_together(port, cookies, seconds / 4)
        found = users.read_together(port, cookies, seconds)
    slowest = sorted(found, key=lambda path: -users.p95(found[path]))
    for path in slowest:
        say(f"    {path}: p95 {shown(users.p95(found[path]))} of {len(found[path])}")
    every = [taken for times in found.values() for taken in times]
    figures["any page, p95, 20 users"] = (users.p95(every), 0.5, 0.2)
    figures["the slowest of these pages, p95"] = (users.p95(found[slowest[0]]), 0.5, 0.2)


@contextlib.contextmanager
def _django(server: EmbeddedServer) -> Iterator[None]:
    with django_uses(Server(server.dsn(), {}), DATABASE):
        yield


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="strata-bench-", dir="/var/tmp"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
