"""The PostgreSQL and the web server of the demonstration: started together, stopped together."""

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from ledgerdb import bootstrap
from ledgerdb.embedded import EmbeddedServer, is_alive
from registry import services
from registry.demo.environment import (
    BASE,
    DATA,
    DATABASE,
    LOCAL,
    LOCK,
    STATE,
    read_state,
    write_state,
)
from registry.demo.fill import fill
from registry.demo.plot import Size
from registry.demo.rehearsal import rehearse

Progress = Callable[[int, int], None]

HOST = "127.0.0.1"
# A registry is of the edition of the files that made it.
EDITION = (
    "ledgerdb/sql/000_bootstrap.sql",
    "ledgerdb/migrations/**/*.py",
    "ledgerdb/migrations/**/*.sql",
    "registry/migrations/*.py",
    "registry/demo/*.py",
    "requirements/base.txt",
)
# What a start that was killed left behind needs to end.
PATIENCE_SECONDS = 30
ANALYZE_EVERY = 400


class CannotServeError(Exception):
    """The message says what is in the way, and what to do."""


def address_at(port: int) -> str:
    """Return what a browser opens: a name, because it makes no passkey for a number."""
    return f"http://localhost:{port}"


@contextlib.contextmanager
def alone(address: str) -> Iterator[None]:
    """
    Keep a second demonstration of this checkout away; the kernel forgets a killed one.

    :raises CannotServeError: one is running
    """
    LOCAL.mkdir(exist_ok=True)
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotServeError(
                f"The demo is running already: {lock.read()}. Stop it with Ctrl-C where it was"
                " started."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {address}")
        lock.flush()
        yield


def check_port(port: int) -> None:
    """
    See that nobody listens on a port.

    :raises CannotServeError: somebody does
    """
    give_up = time.monotonic() + 2
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return
            except OSError as error:
                if time.monotonic() > give_up:
                    raise CannotServeError(
                        f"Port {port} cannot be used ({error.strerror}). Choose another:"
                        f" make demo PORT={port + 1 if port < 65535 else 8000}"
                    ) from error
        time.sleep(0.2)


def why_make(*, fresh: bool) -> str:
    """Say why the registry has to be made; nothing if a complete one is there."""
    if fresh:
        return "A fresh registry is asked for: the old one is thrown away."
    if not DATA.exists():
        return "There is no registry yet."
    edition = read_state().get("edition")
    if edition is None:
        return "An earlier start was interrupted: starting over."
    if edition != current_edition():
        return "The registry was made by another version of Strata: starting over."
    return ""


def current_edition() -> str:
    """Return the digest of the files that a registry is made from."""
    digest = hashlib.sha256()
    for pattern in EDITION:
        for path in sorted(BASE.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def throw_away() -> None:
    """Remove the registry, also one that lives elsewhere behind a link."""
    STATE.unlink(missing_ok=True)
    if DATA.is_symlink():
        shutil.rmtree(DATA.resolve(), ignore_errors=True)
        DATA.unlink()
    elif DATA.exists():
        shutil.rmtree(DATA)


@contextlib.contextmanager
def postgres() -> Iterator[EmbeddedServer]:
    """Run PostgreSQL while the block runs."""
    wait_for_the_dead()
    server = EmbeddedServer(DATA)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def wait_for_the_dead() -> None:
    """Wait until the PostgreSQL of a killed start has ended."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while is_alive(DATA):
        if time.monotonic() > give_up:
            raise CannotServeError(f"PostgreSQL is still serving {DATA}: stop it first.")
        time.sleep(0.1)


def install(server: EmbeddedServer) -> None:
    """Make the roles and the tables, as a deployment does."""
    admin = (server.dsn(), DATABASE)
    bootstrap.bootstrap(*admin)
    bootstrap.open_change_window(*admin, reason="demonstration: install")
    call_command("migrate", database="migrator", verbosity=0)
    bootstrap.close_change_window(*admin)


def play(server: EmbeddedServer, progress: Progress) -> int:
    """Let the story happen; return how many requests there are."""
    admin = (server.dsn(), DATABASE)

    def advance(done: int, of: int) -> None:
        if done % ANALYZE_EVERY == 0:
            bootstrap.analyze(*admin)
        progress(done, of)

    bootstrap.open_change_window(*admin, reason="demonstration: history", purpose="replay")
    # Nobody loses anything by a crash now: the registry would be made again.
    os.environ["PGOPTIONS"] = "-c synchronous_commit=off"
    # Refusals are part of the story.
    logging.disable(logging.WARNING)
    try:
        requests = fill(datetime.now(UTC), Size(), progress=advance)
    finally:
        logging.disable(logging.NOTSET)
        del os.environ["PGOPTIONS"]
    bootstrap.close_change_window(*admin, purpose="replay")
    rehearse(*admin, LOCAL / "replay")
    bootstrap.analyze(*admin)
    # As the schedule of a deployment would: each start shows a fresh proof.
    services.reconcile()
    write_state({"edition": current_edition(), "secret": settings.SECRET_KEY})
    return requests


def collect_static() -> None:
    """Collect the static files for whitenoise."""
    call_command("collectstatic", interactive=False, verbosity=0)


@contextlib.contextmanager
def web(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """
    Serve the portal while the block runs.

    :raises CannotServeError: it does not answer
    """
    command = [
        # The kernel stops it when this process is killed.
        *("setpriv", "--pdeathsig", "QUIT", "--"),
        *(sys.executable, "-m", "gunicorn", "registry.wsgi", "--bind", f"{HOST}:{port}"),
        *("--workers", "2", "--threads", "4", "--no-control-socket"),
        *("--log-level", "warning", "--graceful-timeout", "3"),
    ]
    process = subprocess.Popen(
        command,
        cwd=BASE,
        env={
            **os.environ,
            "STRATA_REPLAY_LOGIN": "0",
            "STRATA_PUBLIC_ADDRESS": address_at(port),
        },
        # Its own session, so that Ctrl-C reaches only this process, which then stops it.
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_until_answered(process, port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@contextlib.contextmanager
def mails(port: int) -> Iterator[None]:
    """Print the mails of notices while the block runs."""
    with _beside("send_notices", "--watch", STRATA_PUBLIC_ADDRESS=address_at(port)):
        yield


@contextlib.contextmanager
def rehearsals(server: EmbeddedServer) -> Iterator[None]:
    """Work on the rehearsals that somebody starts on the page, while the block runs."""
    words = ("replay", "work", "--watch", "--quiet")
    with _beside(*words, STRATA_REPLAY_LOGIN="1", STRATA_ADMIN_DSN=server.dsn()):
        yield


@contextlib.contextmanager
def _beside(*words: str, **environment: str) -> Iterator[None]:
    """Run a command of the project with as few logins as it needs, and stop it after the block."""
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "manage.py", *words],
        cwd=BASE,
        env={
            **os.environ,
            "STRATA_LEDGER_LOGIN": "0",
            "STRATA_REPLAY_LOGIN": "0",
            **environment,
        },
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_answered(process: subprocess.Popen[bytes], port: int) -> None:
    """
    Wait for the first page.

    :raises CannotServeError: the web server ended, or nothing answers
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise CannotServeError("The web server ended at once: its message is above.")
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/", timeout=PATIENCE_SECONDS).close()
            return
        except urllib.error.HTTPError as answer:
            if answer.code < 500:
                return
            raise CannotServeError(f"The portal answers with {answer.code}.") from answer
        except OSError:
            time.sleep(0.1)
    raise CannotServeError(f"The portal did not answer in {PATIENCE_SECONDS} seconds.")


def watch(process: subprocess.Popen[bytes], data: Path = DATA) -> None:
    """
    Sit beside the servers until somebody stops this process.

    :raises CannotServeError: one of them ended by itself
    """
    while process.poll() is None:
        if not is_alive(data):
            raise CannotServeError(f"PostgreSQL ended: see {data / 'server.log'}.")
        time.sleep(0.5)
    raise CannotServeError("The web server ended: its message is above.")
