"""What PostgreSQL itself says about the ledger's functions, triggers, tables and owners."""

import pytest

from tests.server import Database

PINNED = "search_path=pg_catalog, pg_temp"
API_SETTINGS = {PINNED, "TimeZone=UTC", "DateStyle=ISO, YMD"}
EXECUTORS = {"ledger_service", "ledger_replay"}
READERS = {"portal_web", "ledger_auditor"}
# The results of reconciliation are kept by a function of ledger_check: it runs every check.
PROVERS = READERS | {"ledger_check"}
# Who may call a function beside its owner. What is not here may be called by nobody else.
CALLERS = {
    **{
        f"ledger_api.{kind}": EXECUTORS
        for kind in ("mint", "transfer", "retire", "reassign_region", "expire")
    },
    "ledger_api.preview": EXECUTORS | {"portal_web"},
    **{
        f"ledger.{name}": READERS
        for name in (
            "position_at", "block_at", "holdings_as_of", "balance_history", "custody", "holder_of",
            "lineage", "conservation", "is_linked", "verify_chain_slowly",
            "base32", "base32_number", "base32_check", "statement_reference", "statement_of",
            "statement", "statement_ranges", "check_statement", "public_statement",
        )
    },
    **{
        f"ledger.{name}": PROVERS
        for name in (
            "findings", "find_spent_input", "find_balance_drift", "find_asset_conservation",
            "find_posting_balance", "reconcile", "verify_chain", "verify_links", "content_of",
            "is_cut_short",
            "derived_leaves", "derived_balances", "derived_heads", "derived_drift", "prove",
            "flow", "sums_drift",
        )
    },
    "ledger.record_reconciliation": {"portal_web"},
    "ledger.sum_up": {"ledger_check"},
    "ledger.keep_sums": {"ledger_check"},
    **{
        f"ledger.{name}": READERS | {"ledger_deriver"}
        for name in (
            "block_content", "posting_content", "whole_content", "more_content", "link_hash",
        )
    },
    "ledger.forecast": {"portal_web"},
    "ledger.transaction_content": READERS,
    "ledger.refuse_sealed": {"ledger_owner", "ledger_writer"},
    **{
        f"ledger.{name}": {"ledger_writer", "ledger_deriver"}
        for name in ("is_range", "is_posting", "is_balance")
    },
    "ledger.is_unproved": {"ledger_owner", "ledger_writer", "ledger_deriver", "portal_web"},
    "ledger.settle": {"ledger_writer"},
    "ledger.refuse": {"ledger_writer", "ledger_check", "ledger_deriver"},
    "ledger.people_refusal": {"ledger_writer"},
    "ledger.is_window_open": {
        "ledger_owner", "ledger_writer", "ledger_check", "ledger_deriver", "ledger_recorder",
        "ledger_migrator",
    },
}  # fmt: skip
# The administrator's own: they watch over the owner.
ADMINISTRATORS = {"ledger.is_window_open", "ledger.guard_ddl_frozen"}
# They write what follows from a change of a reference record, and nothing of the ledger.
RECORDERS = {"ledger.record_change", "ledger.freeze_accounts"}
APPEND_ONLY = {
    "transactions", "assets", "transaction_items", "transaction_item_inputs", "credits_debits",
    "chain", "changes",
}  # fmt: skip
# They write what follows, with the rights of who wrote.
INVOKERS = {
    "ledger.derive_consumed", "ledger.derive_created", "ledger.derive_posted",
    # It locks the request, which takes a role that may update it.
    "ledger.guard_evidence_frozen",
}  # fmt: skip
TRIGGERS = {
    *((f"ledger.{table}", f"{table}_append_only") for table in APPEND_ONLY),
    ("ledger.reconciliations", "reconciliations_append_only"),
    ("ledger.assets", "assets_transaction_sealed"),
    ("ledger.transaction_items", "transaction_items_derive_created"),
    ("ledger.transaction_item_inputs", "transaction_item_inputs_derive_consumed"),
    ("ledger.credits_debits", "credits_debits_derive_posted"),
    ("ledger.transactions", "transactions_header_stamped"),
    ("ledger.transactions", "transactions_whole_at_commit"),
    ("ledger.assets", "assets_batch_contiguous"),
    ("ledger.assets", "assets_batch_minted"),
    ("ledger.chain", "chain_linked"),
    ("ledger.leaves", "leaves_mirror_blocks"),
    ("ledger.leaves", "leaves_mirror_blocks_when_changed"),
    ("ledger.leaves", "leaves_leave_spent"),
    ("ledger.leaves", "leaves_leave_spent_when_changed"),
    ("ledger.account_balances", "account_balances_mirror_postings"),
    ("ledger.account_balances", "account_balances_mirror_postings_when_changed"),
    ("ledger.account_balances", "account_balances_in_place"),
    ("ledger.account_balances", "account_balances_kept"),
    ("registry_request", "registry_request_kept"),
    ("registry_request", "registry_request_asked"),
    ("registry_request", "registry_request_changed"),
    ("registry_request", "registry_request_moved"),
    ("registry_request", "registry_request_preview_opened"),
    ("registry_account", "registry_account_kept"),
    ("registry_account", "registry_account_opened_active"),
    ("registry_account", "registry_account_made_active"),
    ("registry_account", "registry_account_closed"),
    ("registry_organisation", "registry_organisation_freeze"),
    ("registry_organisation", "registry_organisation_own"),
    ("registry_commodity", "registry_commodity_zone"),
    ("registry_commodity", "registry_commodity_fixed"),
    ("registry_facilityaudit", "registry_facilityaudit_append_only"),
    *(
        (f"registry_{record}", f"registry_{record}_{what}")
        for record in (
            "organisation", "user", "account", "facility", "facilityaudit", "commodity", "region",
            "regionrule",
        )
        for what in ("actor", "logged", "not_removed")
    ),
    *(
        (f"registry_{record}", f"registry_{record}_code_kept")
        for record in ("organisation", "account", "facility", "commodity", "region")
    ),
    ("registry_user", "registry_user_kept"),
    ("registry_user", "registry_user_last_admin"),
    ("registry_invitation", "registry_invitation_kept"),
    ("registry_upload", "registry_upload_kept"),
    ("registry_uploadrow", "registry_uploadrow_kept"),
    ("registry_uploadrow", "registry_uploadrow_of_its_upload"),
    ("registry_evidence", "registry_evidence_kept"),
    ("registry_requestevidence", "registry_requestevidence_kept"),
    ("registry_requestevidence", "registry_requestevidence_frozen"),
    *(
        (f"registry_replay{table}", f"registry_replay{table}_{what}")
        for table in ("run", "rejection", "variance")
        for what in ("kept", "frozen")
    ),
}  # fmt: skip


def ask(database: Database, statement: str) -> list[tuple]:
    """Ask the catalogue."""
    return database.connect("postgres", autocommit=True).execute(statement).fetchall()


@pytest.fixture
def functions(committed_db) -> list[tuple]:
    """Return name, owner, security definer, settings, callers, kind and body of each function."""
    return ask(
        committed_db,
        "SELECT format('%s.%s', p.pronamespace::regnamespace, p.proname),"
        " p.proowner::regrole::text, p.prosecdef, coalesce(p.proconfig, '{}'),"
        " array(SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')"
        "  FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        "  WHERE a.grantee <> p.proowner),"
        " p.prorettype::regtype::text, p.provolatile::text"
        " FROM pg_proc p"
        " WHERE p.pronamespace IN ('ledger'::regnamespace, 'ledger_api'::regnamespace)",
    )


def test_each_function_is_called_by_whom_the_table_says_and_by_nobody_else(functions):
    found = {name: set(callers) for name, _, _, _, callers, *_ in functions if callers}

    assert found == CALLERS


def test_no_function_anywhere_of_ours_is_everybodys(committed_db):
    ours = ask(
        committed_db,
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace::regnamespace::text"
        " NOT IN ('pg_catalog', 'information_schema') AND has_function_privilege('public', p.oid,"
        " 'EXECUTE')",
    )

    assert ours == []


def test_functions_belong_to_the_role_of_their_duty(functions):
    for name, owner, *_, returns, _ in functions:
        if name in ADMINISTRATORS:
            assert owner == "postgres", name
        elif name.startswith(("ledger.derive_", "ledger.settle")) or name == "ledger.refuse_sealed":
            assert owner == "ledger_deriver", name
        elif name in RECORDERS:
            assert owner == "ledger_recorder", name
        elif returns == "trigger":
            assert owner == "ledger_check", name
        elif name.startswith("ledger_api."):
            assert owner == "ledger_writer", name
        else:
            assert owner in ("ledger_owner", "ledger_writer", "ledger_check"), name


def test_what_readers_call_cannot_write_and_lends_no_rights(functions):
    for name, _, definer, _, callers, _, volatility in functions:
        if "ledger_auditor" in callers:
            assert not definer, name
            assert volatility in ("s", "i"), name


def test_only_guards_and_the_api_lend_their_rights(functions):
    lending = {name for name, _, definer, *_ in functions if definer}

    guards = {name for name, *_, returns, _ in functions if returns == "trigger"}
    api = {name for name, *_ in functions if name.startswith("ledger_api.")}
    others = {"ledger.settle", "ledger.is_window_open", "ledger.record_reconciliation"}
    assert lending == guards - INVOKERS | api | others


def test_who_lends_rights_pins_where_names_are_looked_up(functions):
    for name, _, definer, settings, *_ in functions:
        if definer:
            assert PINNED in settings, name
        if name.startswith("ledger_api."):
            assert set(settings) >= API_SETTINGS, name


def test_the_api_has_five_functions_that_write_and_one_that_does_not(functions):
    api = {name: volatility for name, *_, volatility in functions if name.startswith("ledger_api")}

    assert sorted(api) == sorted(name for name in CALLERS if name.startswith("ledger_api."))
    assert [name for name, volatility in api.items() if volatility != "v"] == ["ledger_api.preview"]


def test_every_guard_is_in_place_and_fires_always(committed_db):
    found = ask(
        committed_db,
        "SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger"
        " WHERE NOT tgisinternal",
    )

    assert {(table, name) for table, name, _ in found} == TRIGGERS
    assert {enabled for *_, enabled in found} == {"A"}


def test_a_change_of_a_request_is_asked_about_whichever_column_it_names(committed_db):
    named = dict(
        ask(
            committed_db,
            "SELECT t.tgname::text, array_agg(a.attname::text) FROM pg_trigger t"
            " JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[])"
            " WHERE t.tgname IN ('registry_request_changed', 'registry_request_moved') GROUP BY 1",
        )
    )
    columns = ask(
        committed_db,
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'registry_request'::regclass"
        " AND attnum > 0 AND NOT attisdropped",
    )

    assert set(named["registry_request_moved"]) == {"status", "transaction_id", "executed_at"}
    assert sorted(named["registry_request_changed"] + named["registry_request_moved"]) == sorted(
        name for (name,) in columns
    )


def test_every_guard_function_has_a_trigger(committed_db):
    idle = ask(
        committed_db,
        "SELECT p.proname FROM pg_proc p WHERE p.prorettype = 'trigger'::regtype"
        " AND p.pronamespace = 'ledger'::regnamespace"
        " AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid)",
    )

    assert idle == []


def test_the_freeze_is_the_administrators_and_fires_always(committed_db):
    found = ask(
        committed_db,
        "SELECT evtname::text, evtevent::text, evtenabled::text, evttags IS NULL,"
        " evtowner::regrole::text, evtfoid::regproc::text FROM pg_event_trigger",
    )

    assert found == [
        ("ledger_ddl_frozen", "ddl_command_start", "A", True, "postgres", "ledger.guard_ddl_frozen")
    ]


def test_tables_and_schemas_belong_to_the_owner(committed_db):
    strangers = ask(
        committed_db,
        "SELECT c.oid::regclass::text, c.relowner::regrole::text FROM pg_class c"
        " WHERE c.relnamespace::regnamespace::text IN ('public', 'ledger', 'ledger_api')"
        " AND c.relkind IN ('r', 'S', 'v') AND c.relowner <> 'ledger_owner'::regrole",
    )

    assert sorted(strangers) == [
        ("ledger.change_windows", "postgres"),
        ("ledger.change_windows_id_seq", "postgres"),
    ]


def test_nothing_stands_between_a_statement_and_its_table(committed_db):
    for what in (
        "pg_inherits",
        "pg_partitioned_table",
        "pg_policy",
        "pg_rewrite WHERE ev_class >= 16384",
        "pg_publication",
        "pg_foreign_server",
        "pg_class WHERE relpersistence <> 'p'",
        "pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('v', 'm', 'f', 'p')",
        "pg_operator WHERE oid >= 16384",
        "pg_cast WHERE oid >= 16384",
    ):
        assert ask(committed_db, f"SELECT FROM {what}") == [], what


def test_every_constraint_of_the_ledger_is_checked_and_named_by_its_table(committed_db):
    found = ask(
        committed_db,
        "SELECT conrelid::regclass::text, conname::text, convalidated FROM pg_constraint"
        " WHERE connamespace = 'ledger'::regnamespace AND contype NOT IN ('t', 'n')",
    )

    assert [name for _, name, valid in found if not valid] == []
    for table, name, _ in found:
        assert name.startswith(table.removeprefix("ledger.") + "_"), name
        assert name.rsplit("_", 1)[1] in ("pk", "fk", "uq", "ck", "ex"), name


def test_only_the_look_at_the_whole_can_be_deferred(committed_db):
    deferrable = ask(
        committed_db,
        "SELECT conname::text FROM pg_constraint"
        " WHERE connamespace = 'ledger'::regnamespace AND condeferrable",
    )

    assert deferrable == [("transactions_whole_at_commit",)]


def test_numbers_and_volumes_are_of_the_type_that_holds_only_whole_numbers(committed_db):
    kinds = ask(
        committed_db,
        "SELECT DISTINCT atttypid::regtype::text FROM pg_attribute"
        " WHERE attrelid::regclass::text LIKE 'ledger.%' AND attnum > 0 AND (attname ~"
        " '^(first_no|last_no|next_no|volume|credit|debit|balance|balance_after|height)$')",
    )

    assert kinds == [("bigint",)]
