"""Twenty people who read pages at once, of a portal served as in a deployment."""

import contextlib
import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
USERS = 20
# Each reads a page for so long, in seconds, before opening the next.
READING = (0.5, 1.5)
# What they read: every kind of page that grows with the ledger.
PAGES = (
    "/",
    "/accounts",
    "/accounts/A1/holdings",
    "/accounts/A2/holdings",
    "/accounts/A9/holdings",
    "/accounts/RET/holdings",
    "/accounts/A1/holdings?at=C1-50000",
    "/accounts/A2/holdings?at=C2-300",
    "/accounts/RET/holdings?at=C2-300",
    "/holdings?commodity=C2",
    "/transactions",
    "/transactions?account=A1",
    "/transactions?kind=retire",
    "/transactions/C1-50000",
    "/conservation",
    "/conservation?by=batch&commodity=C3",
    "/conservation?by=batch&at=C1-50000.C2-300",
    "/conservation?by=facility",
    "/conservation?by=region",
    "/certificates/C1/1900000",
    "/who-held?certificate=C1+1900000&at=C1-99000",
    "/batches/5",
    "/batches/5/trace",
    "/blocks/100",
    "/requests",
    "/reconciliation",
    "/search?q=100000",
)


class Reader(threading.Thread):
    """One person with a browser."""

    def __init__(self, port: int, cookie: str, until: float, seed: int) -> None:
        """Remember where, who, and until when."""
        super().__init__()
        self.port = port
        self.headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
        self.until = until
        self.random = random.Random(seed)
        self.taken: list[tuple[str, float]] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        """Open one page after the other."""
        time.sleep(self.random.uniform(0, READING[1]))
        while time.monotonic() < self.until:
            path = self.random.choice(PAGES)
            began = time.monotonic()
            connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
            connection.request("GET", path, headers=self.headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            self.taken.append((path, time.monotonic() - began))
            if answer.status not in (200, 302):
                self.wrong.append(f"{path}: {answer.status}")
            time.sleep(self.random.uniform(*READING))


def p95(taken: list[float]) -> float:
    """Return what all but a twentieth were quicker than."""
    return statistics.quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]


def read_together(port: int, cookies: list[str], seconds: float) -> dict[str, list[float]]:
    """
    Let everybody read for some seconds; return how long each page took, each time.

    :raises RuntimeError: a page was refused or failed
    """
    until = time.monotonic() + seconds
    readers = [
        Reader(port, cookies[number % len(cookies)], until, number) for number in range(USERS)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if wrong := [each for reader in readers for each in reader.wrong]:
        raise RuntimeError(f"{len(wrong)} pages failed, such as {wrong[:3]}")
    found: dict[str, list[float]] = {}
    for reader in readers:
        for path, taken in reader.taken:
            found.setdefault(path, []).append(taken)
    return found


@contextlib.contextmanager
def served() -> Iterator[int]:
    """Serve the portal with two gunicorn workers, on the database that Django has now."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    database = settings.DATABASES["default"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "registry.wsgi"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "registry.settings",
            "STRATA_BIND": f"{HOST}:{port}",
            "STRATA_DB_HOST": str(database["HOST"]),
            "STRATA_DB_PORT": str(database["PORT"]),
            "STRATA_DB_NAME": str(database["NAME"]),
            "STRATA_SECRET_KEY": settings.SECRET_KEY,
            "STRATA_LOG_LEVEL": "ERROR",
            "STRATA_DEBUG": "0",
            "STRATA_MANIFEST": "0",
        },
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)
