"""Rules of the code that no other tool holds."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SQL = sorted((ROOT / "ledgerdb" / "sql").glob("*.sql"))
PYTHON = sorted(
    path
    for package in ("audit", "ledgerdb", "portal", "registry", "tests")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)
FUNCTION = re.compile(
    r"CREATE OR REPLACE FUNCTION (?P<name>[\w.]+)\((?P<head>.*?)AS \$\$(?P<body>.*?)\$\$;", re.S
)


def each(paths):
    """Ask a test of each file."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


sql_file = each(SQL)
mutation_file = each([path for path in SQL if "050" <= path.stem[:3] <= "090"])
table_file = each([path for path in SQL if path.stem in ("020_tables", "030_derived")])


def code(path: Path) -> str:
    """Return a file's SQL without comments and texts."""
    return re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--.*", "", path.read_text()))


@sql_file
def test_an_sql_file_starts_by_saying_what_it_is(path):
    assert re.match(r"-- [A-Z_]+: \S", path.read_text())


@sql_file
def test_an_sql_file_is_short_enough_to_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 750


@sql_file
def test_no_function_swallows_errors_it_does_not_name(path):
    assert not re.search(r"\bWHEN\s+OTHERS\b", code(path), re.I)


@mutation_file
def test_the_mutations_build_no_sql_at_run_time(path):
    assert not re.search(r"\bEXECUTE\b(?!\s+ON\s+FUNCTION)", code(path), re.I)


@sql_file
def test_every_function_says_what_it_does(path):
    text = path.read_text()

    for found in FUNCTION.finditer(text):
        name = found["name"].split(".")[1].upper()
        assert re.search(rf"^-- [^\n]*\b{name}\b[^\n]*:", text, re.M), f"{name} has no header"


@sql_file
def test_a_function_that_lends_its_rights_pins_where_names_are_looked_up(path):
    for found in FUNCTION.finditer(path.read_text()):
        if "SECURITY DEFINER" in found["head"]:
            assert "SET search_path = pg_catalog, pg_temp" in found["head"], found["name"]


@sql_file
def test_every_name_of_a_table_is_qualified(path):
    for name, body in [
        (found["name"], found["body"]) for found in FUNCTION.finditer(path.read_text())
    ]:
        text = re.sub(r"--.*", "", body)
        for table in re.findall(
            r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?((?:registry|transaction|account|credit|asset|leaves|heads|chain)\w*)\b(?!\.)",
            text,
        ):
            assert table.startswith("v_"), f"{name} names {table} without its schema"


@table_file
def test_volumes_are_whole_numbers(path):
    assert not re.search(r"\b(numeric|real|float\d?|double precision|money)\b", code(path), re.I)


@sql_file
def test_who_takes_a_role_gives_it_back(path):
    roles = re.findall(r"^(SET ROLE|RESET ROLE)\b", code(path), re.M)

    if roles:
        assert roles[-1] == "RESET ROLE"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_keeps_to_its_budget_of_lines(path):
    text = path.read_text()

    too_long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= 40
    ]

    assert too_long == []
    assert len(text.splitlines()) <= 400


def test_imports_go_down_only():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_only_the_ledgers_package_and_the_tests_speak_to_postgresql():
    offenders = [
        path
        for path in PYTHON
        if path.relative_to(ROOT).parts[0] not in ("ledgerdb", "tests")
        and re.search(r"\b(psycopg|connections?\.cursor|\.raw\(|RawSQL)", path.read_text())
    ]

    assert offenders == []


def test_nothing_runs_that_the_caller_did_not_name():
    offenders = [
        path
        for path in PYTHON
        if path.relative_to(ROOT).parts[0] != "tests"
        and re.search(r"@receiver\b|\.connect\(receiver|\bdef save\(self", path.read_text())
    ]

    assert offenders == []
