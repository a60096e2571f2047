"""The plans of every query that a page asks, as PostgreSQL carried them out."""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connections

# What grows for ever. A page may read any other table whole.
GROWING = {
    "transactions", "assets", "transaction_items", "transaction_item_inputs", "credits_debits",
    "chain", "leaves", "registry_request", "sums", "stops",
}  # fmt: skip
Row = dict[str, Any]


@dataclasses.dataclass
class Plan:
    """One query and its plan, with how many rows of each table were looked at."""

    statement: str
    root: Row
    milliseconds: float
    buffers: int

    def scans(self, node: Row | None = None) -> Iterator[Row]:
        """Return the nodes that read a growing table, or an index for a bitmap."""
        node = node or self.root
        if node.get("Relation Name") in GROWING or node["Node Type"] == "Bitmap Index Scan":
            yield node
        for each in node.get("Plans", []):
            yield from self.scans(each)

    def passes(self) -> set[str]:
        """Return the growing tables that were read whole."""
        return {
            node["Relation Name"]
            for node in self.scans()
            if node["Node Type"] == "Seq Scan" and node.get("Actual Loops", 1)
        }

    def looked_at(self) -> int:
        """Return how many rows of growing tables were looked at."""
        return int(sum(_rows(node) for node in self.scans()))


def _rows(node: Row) -> float:
    read = sum(
        node.get(name, 0)
        for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    return float(read * node.get("Actual Loops", 1))


@contextlib.contextmanager
def explained(*aliases: str) -> Iterator[list[Plan]]:
    """Let each query be explained as it is asked, in the same transaction; collect the plans."""
    found: list[Plan] = []

    def explain(
        execute: Callable[..., Any], statement: str, values: Any, many: bool, context: Row
    ) -> Any:
        answer = execute(statement, values, many, context)
        if statement.lstrip().upper().startswith(("SELECT", "WITH")) and not many:
            with context["connection"].connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
                (told,) = cursor.fetchone()
            (plan,) = json.loads(told) if isinstance(told, str) else told
            root = plan["Plan"]
            blocks = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
            found.append(Plan(statement, root, plan["Execution Time"], blocks))
        return answer

    with contextlib.ExitStack() as stack:
        for alias in aliases or ("default", "audit"):
            stack.enter_context(connections[alias].execute_wrapper(explain))
        yield found


def drawn(node: Row, depth: int = 0) -> str:
    """Write a plan as text, one node a line."""
    index = f" using {node['Index Name']}" if "Index Name" in node else ""
    relation = f" on {node['Relation Name']}" if "Relation Name" in node else ""
    line = (
        f"{'  ' * depth}{node['Node Type']}{index}{relation}"
        f" rows={node['Actual Rows']:g} loops={node['Actual Loops']:g}"
        f" removed={node.get('Rows Removed by Filter', 0):g}"
        f" ms={node['Actual Total Time']:g}"
        f" buffers={node['Shared Hit Blocks'] + node['Shared Read Blocks']}"
    )
    return "\n".join([line, *(drawn(each, depth + 1) for each in node.get("Plans", []))])
