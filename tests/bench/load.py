"""Run pgbench: its TPC-B-like transaction, or ledger transfers from approved requests."""

import dataclasses
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from ledgerdb.embedded import EmbeddedServer

SCALE = 10
# In its first seconds a session makes its plans: they are left out, of the yardstick too.
WARM_UP = 2
EXECUTE = """\\set n :base + :client_id * :stride + :i
\\set i :i + 1
SELECT ledger_api.transfer(request_id(:n), '{approver}');
"""


@dataclasses.dataclass
class Run:
    """What one run of pgbench did."""

    rate: float
    done: int
    failed: int
    seconds: list[float]


class Load:
    """Runs pgbench against the databases of one server."""

    def __init__(self, server: EmbeddedServer, approver: str) -> None:
        """Write the script that executes one approved request after the other."""
        self.server = server
        directory = Path(tempfile.mkdtemp(prefix="strata-bench-"))
        self.script = directory / "execute.sql"
        self.script.write_text(EXECUTE.format(approver=approver))

    def prepare_tpcb(self, database: str) -> None:
        """Make and fill the database of the TPC-B-like transaction."""
        self._call("createdb", database)
        self._call("pgbench", "-i", "-q", "-s", str(SCALE), database)

    def tpcb(self, database: str, *, clients: int, seconds: int) -> Run:
        """Run the TPC-B-like transaction."""
        return self._pgbench(database, clients, seconds, "-b", "tpcb-like")

    def transfers(self, database: str, *, clients: int, seconds: int, base: int, count: int) -> Run:
        """Execute the approved transfers numbered from ``base``, each client its own share."""
        values = {"base": base, "stride": count // clients, "i": 0}
        defined = [text for name, value in values.items() for text in ("-D", f"{name}={value}")]
        return self._pgbench(database, clients, seconds, "-f", str(self.script), *defined)

    def _pgbench(self, database: str, clients: int, seconds: int, *options: str) -> Run:
        said = self._call(
            "pgbench", "-n", "-M", "prepared", "-P", "1", "-c", str(clients), "-j", "2",
            "-T", str(seconds + WARM_UP), *options, database,
        )  # fmt: skip
        rates = [float(rate) for rate in re.findall(r"^progress: .*?([\d.]+) tps", said, re.M)]
        return Run(
            rate=statistics.mean(rates[WARM_UP:]),
            done=int(re.search(r"actually processed: (\d+)", said)[1]),
            failed=int((re.search(r"failed transactions: (\d+)", said) or [0, 0])[1]),
            seconds=rates,
        )

    def _call(self, program: str, *arguments: str) -> str:
        where = ["-h", self.server.host, "-p", str(self.server.port), "-U", "postgres"]
        result = subprocess.run(
            [str(self.server.binary(program)), *where, *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if result.returncode:
            raise RuntimeError(f"{program} failed:\n{result.stdout}\n{result.stderr}")
        return result.stdout + result.stderr
