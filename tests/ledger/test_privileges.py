"""What each login may do: exactly one table of grants, and every attack on it refused."""

import psycopg
import pytest

from tests import make
from tests.ledger.forge import refused
from tests.server import Database

LOGINS = ("ledger_service", "portal_web", "ledger_auditor", "ledger_replay", "ledger_migrator")
NO_LOGIN = (
    "ledger_owner", "ledger_writer", "ledger_check", "ledger_deriver", "ledger_recorder", "anon",
    "authenticated",
)  # fmt: skip
LETTERS = {
    "S": "SELECT",
    "I": "INSERT",
    "U": "UPDATE",
    "D": "DELETE",
    "T": "TRUNCATE",
    "R": "REFERENCES",
    "G": "TRIGGER",
    "M": "MAINTAIN",
}
READERS = {"ledger_check": "S", "portal_web": "S", "ledger_auditor": "S"}
CANONICAL = {"ledger_writer": "SI", **READERS}
WRITTEN_BY_PAGES = {"portal_web": "SIU", "ledger_writer": "S", "ledger_check": "S"}
REFERENCE = {**WRITTEN_BY_PAGES, "ledger_auditor": "S"}
DJANGO = {"portal_web": "SIUD"}
HANDED_IN = {"portal_web": "SI", "ledger_auditor": "S"}

# The one table: what may be done with whole tables, beside their owner. Nothing else may.
TABLES = {
    "ledger.transactions": {**CANONICAL, "ledger_deriver": "SI"},
    "ledger.assets": {**CANONICAL, "ledger_deriver": "S"},
    "ledger.transaction_items": {**CANONICAL, "ledger_deriver": "SI"},
    "ledger.transaction_item_inputs": {**CANONICAL, "ledger_deriver": "SI"},
    "ledger.credits_debits": {**CANONICAL, "ledger_deriver": "SI"},
    "ledger.chain": {**CANONICAL, "ledger_deriver": "SI"},
    "ledger.leaves": {"ledger_writer": "SID", "ledger_deriver": "SID", **READERS},
    "ledger.account_balances": {"ledger_writer": "SIU", "ledger_deriver": "SIU", **READERS},
    "ledger.heads": {"ledger_writer": "SIU", **READERS},
    "ledger.error_codes": {"ledger_writer": "S", "ledger_deriver": "S", **READERS},
    "ledger.reconciliations": {"ledger_check": "SI", "portal_web": "S", "ledger_auditor": "S"},
    "ledger.stops": {"ledger_check": "SI", "portal_web": "S", "ledger_auditor": "S"},
    "ledger.sums": {"ledger_check": "SI", "portal_web": "S", "ledger_auditor": "S"},
    "ledger.changes": {"ledger_recorder": "I", **READERS},
    "ledger.change_windows": {"portal_web": "S", "ledger_auditor": "S"},
    "public.registry_organisation": {**REFERENCE, "ledger_deriver": "S"},
    "public.registry_account": {**REFERENCE, "ledger_deriver": "S"},
    "public.registry_commodity": {**REFERENCE, "ledger_deriver": "S"},
    "public.registry_region": REFERENCE,
    "public.registry_regionrule": REFERENCE,
    "public.registry_facility": REFERENCE,
    # What an auditor found is added to and never changed.
    "public.registry_facilityaudit": {"portal_web": "SI", "ledger_auditor": "S"},
    "public.registry_request": {**REFERENCE, "portal_web": "SI", "ledger_deriver": "S"},
    "public.registry_upload": {"portal_web": "SI", "ledger_check": "S", "ledger_auditor": "S"},
    "public.registry_uploadrow": HANDED_IN,
    "public.registry_evidence": HANDED_IN,
    "public.registry_requestevidence": HANDED_IN,
    "public.registry_replayrun": {"portal_web": "SIU", "ledger_check": "S", "ledger_auditor": "S"},
    "public.registry_replayrejection": HANDED_IN,
    "public.registry_replayvariance": {**HANDED_IN, "ledger_check": "S"},
    "public.registry_user": {"portal_web": "SIU"},
    "public.registry_notice": {"portal_web": "SI"},
    "public.registry_noticepreference": {"portal_web": "SI"},
    "public.registry_previewopening": {"portal_web": "SI", "ledger_check": "S"},
    "public.registry_decisionround": {"portal_web": "SI"},
    "public.registry_invitation": {"portal_web": "SIU"},
    "public.registry_codeuse": {"portal_web": "SI"},
    "public.registry_cache": DJANGO,
    "public.account_emailaddress": DJANGO,
    "public.account_emailconfirmation": DJANGO,
    "public.auth_group": DJANGO,
    "public.auth_group_permissions": DJANGO,
    "public.auth_permission": DJANGO,
    "public.django_content_type": DJANGO,
    "public.django_migrations": {"portal_web": "S"},
    "public.django_session": DJANGO,
    "public.mfa_authenticator": DJANGO,
    "public.socialaccount_socialaccount": DJANGO,
    "public.socialaccount_socialapp": DJANGO,
    "public.socialaccount_socialtoken": DJANGO,
    "public.usersessions_usersession": DJANGO,
}
PERSON = "id person_id code email name organisation_id role is_active created_at"
# Of a request, the pages write all but who asked, and what the ledger made of it.
NOT_OF_THE_PAGES = {
    "id", "number", "organisation_id", "idempotency_key", "created_at", "executed_at",
    "transaction_id",
}  # fmt: skip
EXECUTION = {"status", "executed_at", "transaction_id"}
COLUMNS = {
    ("public.registry_account", "ledger_writer", "UPDATE"): {"ledger_lock"},
    ("public.registry_account", "ledger_check", "UPDATE"): {"ledger_lock"},
    ("public.registry_organisation", "ledger_check", "UPDATE"): {"ledger_lock"},
    ("public.registry_notice", "portal_web", "UPDATE"): {
        "read_at", "closed_at", "mail_due_at", "mail_tries", "mail_sent_at",
    },
    ("public.registry_noticepreference", "portal_web", "UPDATE"): {"mail"},
    ("public.registry_replayrejection", "portal_web", "UPDATE"): {"assignee_id"},
    ("public.registry_replayvariance", "portal_web", "UPDATE"): {
        "signed_by_id", "signed_at", "withdrawn_at", "withdrawn_by_id", "withdrawn_reason",
    },
    ("public.registry_account", "ledger_deriver", "UPDATE"): {"ledger_lock"},
    ("public.registry_account", "ledger_recorder", "SELECT"): {"id", "organisation_id", "status"},
    ("public.registry_account", "ledger_recorder", "UPDATE"): {"status"},
    ("public.registry_request", "ledger_writer", "UPDATE"): EXECUTION,
    ("public.registry_request", "ledger_deriver", "UPDATE"): EXECUTION,
    ("public.registry_user", "ledger_deriver", "SELECT"): {
        "id", "person_id", "organisation_id", "role", "is_active",
    },
    ("public.registry_user", "ledger_writer", "SELECT"): set(PERSON.split()),
    ("public.registry_user", "ledger_check", "SELECT"): set(PERSON.split()),
    ("public.registry_user", "ledger_auditor", "SELECT"): set(PERSON.split()),
}  # fmt: skip


def ask(database: Database, statement: str, *values) -> list[tuple]:
    """Ask the catalogue."""
    return database.connect("postgres", autocommit=True).execute(statement, values).fetchall()


@pytest.mark.parametrize("role", [*LOGINS, *NO_LOGIN, "public"])
def test_a_role_has_on_each_table_what_the_table_of_grants_says(committed_db, role):
    version = committed_db.connect("postgres").info.server_version
    found = {}
    for letter, privilege in LETTERS.items():
        if privilege == "MAINTAIN" and version < 17_00_00:
            continue
        for (table,) in ask(
            committed_db,
            "SELECT c.oid::regclass::text FROM pg_class c"
            " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace::regnamespace::text"
            " NOT IN ('pg_catalog', 'information_schema') AND c.relnamespace::regnamespace::text"
            " NOT LIKE 'pg_toast%%' AND has_table_privilege(%s, c.oid, %s)",
            role,
            privilege,
        ):
            name = table if "." in table else f"public.{table}"
            found[name] = found.get(name, "") + letter
    everything = "SIUDTRG" + ("M" if version >= 17_00_00 else "")
    expected = {name: grants[role] for name, grants in TABLES.items() if role in grants}
    if role == "ledger_owner":
        expected = dict.fromkeys(set(TABLES) - {"ledger.change_windows"}, everything)

    assert found == expected


def test_columns_are_granted_as_the_table_of_grants_says(committed_db):
    found: dict[tuple, set] = {}
    for *key, column in ask(
        committed_db,
        "SELECT format('%%s.%%s', c.relnamespace::regnamespace, c.relname),"
        " a.grantee::regrole::text, a.privilege_type, t.attname::text"
        " FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a"
        " WHERE c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')",
    ):
        found.setdefault(tuple(key), set()).add(column)
    of_a_request = {
        row[0]
        for row in ask(
            committed_db,
            "SELECT attname::text FROM pg_attribute"
            " WHERE attrelid = 'public.registry_request'::regclass AND attnum > 0",
        )
    }

    of_the_pages = found.pop(("public.registry_request", "portal_web", "UPDATE"))

    assert of_the_pages == of_a_request - NOT_OF_THE_PAGES
    assert found == COLUMNS


def test_sequences_are_advanced_by_the_pages_and_set_by_nobody(committed_db):
    granted = ask(
        committed_db,
        "SELECT DISTINCT c.relnamespace::regnamespace::text, a.grantee::regrole::text,"
        " a.privilege_type FROM pg_class c, aclexplode(c.relacl) a"
        " WHERE c.relkind = 'S' AND a.grantee <> c.relowner",
    )

    assert set(granted) == {
        ("public", "portal_web", "SELECT"),
        ("public", "portal_web", "USAGE"),
        ("ledger", "ledger_check", "SELECT"),
    }


def test_schemas_are_used_by_those_who_need_them_and_written_by_their_owner(committed_db):
    schemas = ("public", "ledger", "ledger_api")
    found = {
        (role, schema): letters
        for role in (*LOGINS, *NO_LOGIN)
        for schema in schemas
        for letters in ask(
            committed_db,
            "SELECT concat(CASE WHEN has_schema_privilege(%(r)s, %(s)s, 'USAGE') THEN 'U' END,"
            " CASE WHEN has_schema_privilege(%(r)s, %(s)s, 'CREATE') THEN 'C' END)".replace(
                "%(r)s", f"'{role}'"
            ).replace("%(s)s", f"'{schema}'"),
        )[0]
        if letters
    }

    readers = (
        "ledger_writer", "ledger_check", "ledger_deriver", "ledger_recorder", "portal_web",
        "ledger_auditor",
    )  # fmt: skip
    callers = ("ledger_writer", "ledger_service", "ledger_replay", "portal_web")
    assert found == {
        **{("ledger_owner", schema): "UC" for schema in schemas},
        **{(role, schema): "U" for role in readers for schema in ("public", "ledger")},
        **{(role, "ledger_api"): "U" for role in callers},
    }


def test_the_public_has_nothing_on_the_database(committed_db):
    granted = ask(
        committed_db,
        "SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'), a.privilege_type"
        " FROM pg_database d, aclexplode(d.datacl) a"
        " WHERE d.datname = current_database() AND a.grantee <> d.datdba",
    )

    assert sorted(granted) == sorted((login, "CONNECT") for login in LOGINS)


def test_roles_have_no_power_of_their_own(committed_db):
    powers = "rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"

    found = ask(
        committed_db,
        f"SELECT rolname::text, rolcanlogin, {powers} FROM pg_roles"
        " WHERE rolname !~ '^pg_' AND rolname <> 'postgres'",
    )

    nothing = (False,) * 5
    assert set(found) == {(role, True, *nothing) for role in LOGINS} | {
        (role, False, *nothing) for role in NO_LOGIN
    }


def test_only_the_migrator_may_become_another_and_inherits_nothing(committed_db):
    found = ask(
        committed_db,
        "SELECT member::regrole::text, roleid::regrole::text, inherit_option, set_option,"
        " admin_option FROM pg_auth_members WHERE member::regrole::text !~ '^pg_'",
    )

    assert sorted(found) == [
        ("ledger_migrator", role, False, True, False)
        for role in (
            "ledger_check",
            "ledger_deriver",
            "ledger_owner",
            "ledger_recorder",
            "ledger_writer",
        )
    ]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_the_browsers_roles_own_nothing_and_may_nothing(committed_db, role):
    mentions = ask(
        committed_db,
        "SELECT classid::regclass::text, objid FROM pg_shdepend"
        " WHERE refclassid = 'pg_authid'::regclass AND refobjid = %s::regrole",
        role,
    )
    callable_ = ask(
        committed_db,
        "SELECT oid::regprocedure::text FROM pg_proc"
        " WHERE pronamespace IN ('ledger'::regnamespace, 'ledger_api'::regnamespace)"
        " AND has_function_privilege(%s, oid, 'EXECUTE')",
        role,
    )

    assert (mentions, callable_) == ([], [])


def test_no_setting_of_the_server_is_granted(committed_db):
    assert ask(committed_db, "SELECT parname FROM pg_parameter_acl") == []


@pytest.mark.parametrize("role", NO_LOGIN)
def test_nobody_signs_in_as_a_role_without_login(committed_db, role):
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(committed_db.dsn(role))


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_that_may_call_a_function_that_writes_is_one_of_two(committed_db, login):
    request = make.approved_transfer(make.account(holding=10), make.account(), 3)
    connection = committed_db.connect(login)
    call = "SELECT ledger_api.transfer(%s, %s)"

    if login in ("ledger_service", "ledger_replay"):
        assert connection.execute(call, (request.id, request.approver_id)).fetchone()[0] == 2
    else:
        with refused("42501"):
            connection.execute(call, (request.id, request.approver_id))
