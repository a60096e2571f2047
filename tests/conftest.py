"""
The database of the tests: one server a run, a clean copy of one database for each test.

``LEDGER_TEST_PG`` chooses the server, see docs/testing.md. Tests share nothing: history cannot be
truncated, on purpose, so each test works on a copy of a migrated template and really commits; the
copy is washed for the next one. (Attacks that must be refused leave nothing, and share one.)
"""

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker, blocking_manager_key

from tests.server import TEMPLATE, Database, Server, build_template, clone, start
from tests.washing import Shelf, Stage

SERVER = pytest.StashKey[Server]()

# Playwright keeps an event loop in the test's thread, which Django would mistake for async use.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Start the server and build the template, once, in the process that steers the others."""
    if hasattr(config, "workerinput"):
        config.stash[SERVER] = Server(**json.loads(config.workerinput["strata_server"]))
        return
    if config.option.collectonly or config.option.help:
        return
    server, stop = start(os.environ.get("LEDGER_TEST_PG") or "embedded")
    config.add_cleanup(stop)
    with config.stash[blocking_manager_key].unblock():
        build_template(server)
    config.stash[SERVER] = server


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a parallel process where the server is."""
    server = node.config.stash[SERVER]
    node.workerinput["strata_server"] = json.dumps(vars(server))


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Server:
    """Return the server of this run."""
    return pytestconfig.stash[SERVER]


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Leave the settings alone: pytest-django's own database is never made."""


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Refuse pytest-django's own test database, whose tests would not really commit."""
    pytest.fail("Use the committed_db fixture, not django_db: tests here really commit.")


@pytest.fixture(scope="session")
def shelf(server: Server) -> Iterator[Shelf]:
    """Keep the copies that tests left clean for those that follow."""
    shelf = Shelf(server)
    yield shelf
    shelf.forget()


@pytest.fixture(scope="session")
def stage(shelf: Shelf, django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
    """Let the cast of the pages' tests come on once."""
    from tests.portal.cast import assemble

    with django_db_blocker.unblock(), shelf.set(lambda database: assemble()) as stage:
        yield stage


@pytest.fixture
def committed_db(
    request: pytest.FixtureRequest, shelf: Shelf, django_db_blocker: DjangoDbBlocker
) -> Iterator[Database]:
    """Give the test a migrated database of its own, empty or with a stage; Django uses it."""
    on_stage = "stage" in request.fixturenames
    template = request.getfixturevalue("stage").database.name if on_stage else TEMPLATE
    with django_db_blocker.unblock(), shelf.lend(template) as database:
        yield database


@pytest.fixture
def staged(stage: Stage, committed_db: Database) -> Any:
    """Return what stands on the stage, in a database of the test's own."""
    return stage.as_of(committed_db)


@pytest.fixture(scope="module")
def fortress(server: Server) -> Iterator[Database]:
    """Give a module one database: all that is tried on it must be refused, and leaves nothing."""
    with clone(server) as database:
        yield database


@pytest.fixture
def besieged(fortress: Database) -> Iterator[Database]:
    """Give an attack the database of its module, and close what it opened."""
    yield fortress
    while fortress.opened:
        fortress.opened.pop().close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Use the system's chromium: Playwright's own download cannot be had everywhere."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.fail("Browser tests need chromium: apt-get install chromium")
    return {**browser_type_launch_args, "executable_path": chromium}
