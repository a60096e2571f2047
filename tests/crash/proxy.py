"""A proxy in front of PostgreSQL that cuts the line after a number of bytes."""

import contextlib
import os
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class CuttingProxy:
    """Passes bytes both ways until ``left`` bytes have passed; then both sides lose the line."""

    def __init__(self, dsn: str, listener: socket.socket) -> None:
        """Remember where PostgreSQL is."""
        self.target = conninfo_to_dict(dsn)
        self.listener = listener
        self.left: int | None = None

    def serve(self) -> None:
        """Accept lines until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            # A side that hangs up first resets the line: that is an end like any other.
            with client, self.connect() as server, contextlib.suppress(ConnectionError):
                self.pump(client, server)

    def connect(self) -> socket.socket:
        """Open a line to PostgreSQL."""
        host, port = str(self.target["host"]), int(self.target["port"])
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        line = socket.socket(socket.AF_UNIX)
        line.connect(f"{host}/.s.PGSQL.{port}")
        return line

    def pump(self, client: socket.socket, server: socket.socket) -> None:
        """Pass bytes until either side ends or the budget is used up."""
        other = {client: server, server: client}
        with selectors.DefaultSelector() as ready:
            for line in other:
                ready.register(line, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)
                    if not self.pass_on(data, other[key.fileobj]):
                        return

    def pass_on(self, data: bytes, line: socket.socket) -> bool:
        """Pass on as much as may pass; tell whether the line still holds."""
        # Read once: the test sets it from another thread.
        left = self.left
        if left is None:
            line.sendall(data)
            return bool(data)
        line.sendall(data[:left])
        self.left = max(0, left - len(data))
        return bool(data) and self.left > 0


@contextlib.contextmanager
def cutting_proxy(dsn: str) -> Iterator[tuple[str, CuttingProxy]]:
    """Run a proxy; give the connection string that leads through it."""
    with (
        tempfile.TemporaryDirectory(prefix="strata-proxy-") as directory,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(str(Path(directory) / ".s.PGSQL.5432"))
        listener.listen()
        proxy = CuttingProxy(dsn, listener)
        thread = threading.Thread(target=proxy.serve)
        thread.start()
        try:
            yield make_conninfo(dsn, host=directory, port=5432), proxy
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            os.close(listener.detach())
            thread.join()
