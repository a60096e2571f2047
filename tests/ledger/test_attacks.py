"""The attacks of a login that somebody stole: each statement is refused by PostgreSQL itself."""

import pytest

from tests.ledger.forge import refused

DENIED = "42501"
GUARD = "ledger.guard_append_only()"
FUNCTIONS = ("mint", "transfer", "retire", "reassign_region", "expire")

# What no login may do, whichever it is.
ANYBODY = {
    "become the owner of the database": "SET ROLE postgres",
    "become another session": "SET SESSION AUTHORIZATION ledger_owner",
    "become the superuser's session": "SET SESSION AUTHORIZATION postgres",
    "switch triggers off": "SET session_replication_role = replica",
    "shadow a table": "CREATE TEMP TABLE credits_debits (credit bigint)",
    "shadow a table by a query": "CREATE TEMP TABLE leaves AS SELECT 1",
    "select into a table": "SELECT 1 AS a INTO TEMP leaves",
    "create a table": "CREATE TABLE public.evil (a int)",
    "create a schema": "CREATE SCHEMA evil",
    "create a function": "CREATE FUNCTION public.evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "create a trusted extension": "CREATE EXTENSION tcn",
    "create a view": "CREATE VIEW public.evil AS SELECT 1",
    "attach a trigger": "CREATE TRIGGER evil BEFORE INSERT ON ledger.leaves"
    f" FOR EACH ROW EXECUTE FUNCTION {GUARD}",
    "call a guard": f"SELECT {GUARD}",
    "call a shared step": "SELECT ledger.lock_accounts(NULL, 1)",
    "refuse in the ledger's name": "SELECT ledger.refuse('SAME_ACCOUNT', '{}', '')",
    "open a change window": "INSERT INTO ledger.change_windows (purpose, reason, closes_at)"
    " VALUES ('ddl', 'evil', 'infinity')",
    "extend a change window": "UPDATE ledger.change_windows SET closes_at = 'infinity'",
    "rename an error": "UPDATE ledger.error_codes SET title = ''",
    "insert a posting": "INSERT INTO ledger.credits_debits"
    " VALUES (1, 9, 1, 1, gen_random_uuid(), 5, 0, 5)",
    "copy postings in": "COPY ledger.credits_debits FROM STDIN",
    "change a posting": "UPDATE ledger.credits_debits SET credit = 1",
    "change a balance": "UPDATE ledger.account_balances SET balance = balance + 1",
    "delete a leaf": "DELETE FROM ledger.leaves",
    "merge a leaf": "MERGE INTO ledger.leaves l USING ledger.leaves m ON l.item_id = m.item_id"
    " WHEN MATCHED THEN DELETE",
    "truncate the history": "TRUNCATE ledger.transactions",
    "truncate what is derived": "TRUNCATE ledger.leaves",
    "lock rows against others": "SELECT FROM ledger.account_balances FOR UPDATE",
    "share rows against others": "SELECT FROM ledger.account_balances FOR SHARE",
    "lock a table against writers": "LOCK TABLE ledger.transactions IN SHARE MODE",
    "lock a table as a writer": "LOCK TABLE ledger.transactions IN ROW EXCLUSIVE MODE",
    "rebuild what is derived": "SELECT ledger.rebuild_derived()",
    "take an advisory lock": "SELECT pg_advisory_lock(1)",
    "try an advisory lock": "SELECT pg_try_advisory_lock(1)",
    "take an advisory lock for a while": "SELECT pg_advisory_xact_lock(1, 2)",
    "share an advisory lock": "SELECT pg_try_advisory_xact_lock_shared(1)",
    "create a large object": "SELECT lo_create(0)",
    "create an old large object": "SELECT lo_creat(-1)",
    "fill a large object": "SELECT lo_from_bytea(0, 'evil')",
    "import a file": "SELECT lo_import('/etc/passwd')",
    "export a file": "SELECT lo_export(1, '/tmp/evil')",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "copy a file in": "COPY ledger.error_codes FROM '/etc/passwd'",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "read the passwords": "SELECT rolpassword FROM pg_authid",
    "change the server": "ALTER SYSTEM SET fsync = off",
    "change the database": "ALTER DATABASE template1 SET search_path = evil",
    "become a superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "grant oneself the writer": "GRANT ledger_writer TO CURRENT_USER",
    "create a role": "CREATE ROLE evil",
    "set a sequence back": "SELECT setval('ledger.transactions_id_seq', 1)",
    "draw from the ledger's numbers": "SELECT nextval('ledger.assets_id_seq')",
    "load a library": "LOAD 'auto_explain'",
}
WEB = {
    **{f"execute a {kind}": f"SELECT ledger_api.{kind}(NULL, NULL)" for kind in FUNCTIONS},
    "execute in the browser's name": "SET ROLE authenticated",
    "execute as anybody": "SET ROLE anon",
    "become the writer": "SET ROLE ledger_writer",
    "become the owner": "SET ROLE ledger_owner",
    "delete a request": "DELETE FROM public.registry_request",
    "truncate the requests": "TRUNCATE public.registry_request CASCADE",
    "renumber a request": "UPDATE public.registry_request SET number = 1",
    "execute a request by hand": "UPDATE public.registry_request SET transaction_id = 1",
    "delete an account": "DELETE FROM public.registry_account",
    "delete a person": "DELETE FROM public.registry_user",
    "delete an organisation": "DELETE FROM public.registry_organisation",
    "delete a rule": "DELETE FROM public.registry_regionrule",
    "skip a migration": "INSERT INTO public.django_migrations (app, name, applied)"
    " VALUES ('ledgerdb', '0002_guard', now())",
    "forget a migration": "DELETE FROM public.django_migrations",
}
SERVICE = {
    "read postings": "SELECT FROM ledger.credits_debits",
    "read balances": "SELECT FROM ledger.account_balances",
    "read requests": "SELECT FROM public.registry_request",
    "read people": "SELECT FROM public.registry_user",
    "approve a request": "UPDATE public.registry_request SET status = 'approved'",
    "reconcile": "SELECT ledger.reconcile()",
    "read a custody": "SELECT ledger.custody(1, 1)",
    "become the writer": "SET ROLE ledger_writer",
    "become the owner": "SET ROLE ledger_owner",
    "become the pages": "SET ROLE portal_web",
}
AUDITOR = {
    **{f"execute a {kind}": f"SELECT ledger_api.{kind}(NULL, NULL)" for kind in FUNCTIONS},
    "preview": "SELECT ledger_api.preview(NULL)",
    "read a password": "SELECT password FROM public.registry_user",
    "read whole people": "SELECT * FROM public.registry_user",
    "read sessions": "SELECT FROM public.django_session",
    "change a person": "UPDATE public.registry_user SET role = 'approver'",
    "submit a request": "INSERT INTO public.registry_request DEFAULT VALUES",
    "become the owner": "SET ROLE ledger_owner",
}
MIGRATOR = {
    **{f"execute a {kind}": f"SELECT ledger_api.{kind}(NULL, NULL)" for kind in FUNCTIONS},
    "read postings without a role": "SELECT FROM ledger.credits_debits",
    "become the pages": "SET ROLE portal_web",
    "become the service": "SET ROLE ledger_service",
    "read people": "SELECT FROM public.registry_user",
}
ATTACKS = [
    (login, name, statement)
    for login, own in {
        "ledger_service": SERVICE,
        "ledger_replay": SERVICE,
        "portal_web": WEB,
        "ledger_auditor": AUDITOR,
        "ledger_migrator": MIGRATOR,
    }.items()
    for name, statement in {**ANYBODY, **own}.items()
]


@pytest.mark.parametrize(
    ("login", "statement"),
    [pytest.param(login, statement, id=f"{login}: {name}") for login, name, statement in ATTACKS],
)
def test_a_login_cannot(besieged, login, statement):
    # LOCK wants a transaction, ALTER SYSTEM wants none.
    connection = besieged.connect(login, autocommit=not statement.startswith("LOCK"))

    with refused(DENIED):
        connection.execute(statement)


@pytest.mark.parametrize("function", ["pg_terminate_backend", "pg_cancel_backend"])
@pytest.mark.parametrize("login", sorted({login for login, _, _ in ATTACKS}))
def test_a_login_cannot_end_the_session_of_another(besieged, login, function):
    victim = besieged.connect("postgres")
    connection = besieged.connect(login)

    with refused(DENIED):
        connection.execute(f"SELECT {function}({victim.info.backend_pid})")


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE ledger.credits_debits",
        "UPDATE ledger.credits_debits SET credit = 1",
        "DELETE FROM ledger.transactions",
        "UPDATE ledger.leaves SET volume = 1",
        "DELETE FROM ledger.account_balances",
        "UPDATE public.registry_account SET status = 'active'",
        "UPDATE public.registry_request SET volume = 1",
        "UPDATE public.registry_request SET approver_id = submitter_id",
        "INSERT INTO public.registry_request DEFAULT VALUES",
        "INSERT INTO ledger.change_windows (purpose, reason, closes_at)"
        " VALUES ('ddl', 'evil', 'infinity')",
        "SELECT password FROM public.registry_user",
        "SELECT ledger.guard_append_only()",
        "SELECT setval('ledger.transactions_id_seq', 1)",
        "SET session_replication_role = replica",
        "SELECT ledger.rebuild_derived()",
    ],
)
def test_code_injected_into_the_functions_cannot(besieged, statement):
    connection = besieged.connect("ledger_migrator")
    connection.execute("SET ROLE ledger_writer")

    with refused(DENIED):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.leaves",
        "INSERT INTO ledger.heads (commodity_id) VALUES (1)",
        "UPDATE ledger.account_balances SET balance = 0",
        "UPDATE public.registry_request SET status = 'approved'",
        "SELECT nextval('ledger.transactions_id_seq')",
        "SET session_replication_role = replica",
    ],
)
def test_code_injected_into_a_guard_cannot(besieged, statement):
    connection = besieged.connect("ledger_migrator")
    connection.execute("SET ROLE ledger_check")

    with refused(DENIED):
        connection.execute(statement)


def test_the_owner_cannot_switch_triggers_off(committed_db):
    connection = committed_db.connect("ledger_migrator")
    connection.execute("SET ROLE ledger_owner")

    with refused(DENIED):
        connection.execute("SET session_replication_role = replica")
