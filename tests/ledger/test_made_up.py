"""A made-up history: of the size that was asked for, sound, and never beside a registry."""

import io

import pytest
from django.core.management import CommandError, call_command

from ledgerdb import made_up
from tests import make
from tests.proof import prove

SPENT = (
    "FROM ledger.transaction_items i WHERE EXISTS (SELECT FROM ledger.transaction_item_inputs s"
    " WHERE s.item_id = i.id)"
)


def made(database, blocks=1000, **options):
    with database.connect(autocommit=True) as connection:
        history = made_up.History(connection, blocks, **options)
        history.make()
    return history


def test_it_is_sound_and_of_the_size_that_was_asked_for(committed_db):
    told = []

    made(committed_db, progress=told.append)

    prove(committed_db)
    with committed_db.connect() as connection:
        spent_by_one, batches_of_one, spent_by_two, held_by_two = (
            connection.execute(statement).fetchone()[0]
            for statement in (
                f"SELECT count(*) {SPENT} AND account_id = md5('account 1')::uuid",
                f"SELECT count(DISTINCT asset_id) {SPENT} AND account_id = md5('account 1')::uuid",
                f"SELECT count(*) {SPENT} AND account_id = md5('account 2')::uuid",
                "SELECT count(*) FROM ledger.leaves WHERE account_id = md5('account 2')::uuid",
            )
        )
    assert 1000 <= told[-1] <= 1010
    assert told == sorted(told)
    assert (spent_by_one, batches_of_one, spent_by_two, held_by_two) == (100, 10, 100, 1)


def test_it_is_refused_where_there_is_a_registry(committed_db):
    make.account(code="ALD-01")

    with committed_db.connect(autocommit=True) as connection:
        before = connection.execute("SELECT count(*) FROM registry_account").fetchone()
        with pytest.raises(made_up.NotEmptyError):
            made_up.History(connection, 1000)
        assert connection.execute("SELECT count(*) FROM registry_account").fetchone() == before


def test_the_command_says_why_it_refuses(committed_db, monkeypatch):
    make.account(code="ALD-01")
    monkeypatch.setenv("STRATA_ADMIN_DSN", committed_db.dsn())

    for options, said in (
        ({"blocks": 999, "database": committed_db.name}, "Ask for 1,000 blocks at least"),
        ({"blocks": 1000}, "Say --directory, or --database"),
        ({"blocks": 1000, "database": committed_db.name}, "never added to a registry"),
        ({"blocks": 1000, "database": "no_such_database"}, "PostgreSQL refused"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("make_history", stdout=io.StringIO(), **options)
