"""
Take away each guard, constraint and REVOKE in turn, and see the test that is named for it fail.

``python -m tests.mutants [PART OF A NAME]`` prints a table and ends with 1 if one survives, if one
has no test, or if a test is named for something that is no longer there.
"""

import dataclasses
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import psycopg

ROOT = Path(__file__).parents[1]
LEDGER = "tests/ledger/"
WHOLE = LEDGER + "test_guards_whole.py::test_a_transaction_with_a_fault_is_refused"
APPROVAL = LEDGER + "test_guards_approval.py::test_what_was_not_approved_is_refused"
GUARDS = LEDGER + "test_guards.py::"
DERIVED = LEDGER + "test_guards_derived.py::"
REQUESTS = LEDGER + "test_guards_requests.py::"
KEYS = LEDGER + "test_keys.py::"
CHANGES = LEDGER + "test_changes.py::"
REFERENCE = LEDGER + "test_reference.py::"
FILES = LEDGER + "test_guards_files.py::"
PRIVILEGES = LEDGER + "test_privileges.py::"
REPLAYS = LEDGER + "test_replay_tables.py::"
PEOPLE = LEDGER + "test_people.py::"
ATTACKS = LEDGER + "test_attacks.py::"
EVERYBODYS = "tests/architecture/test_catalogue.py::test_no_function_anywhere_of_ours_is_everybodys"
ON_TABLES = PRIVILEGES + "test_a_role_has_on_each_table_what_the_table_of_grants_says"
JOINS_EARLIER = GUARDS + "test_nothing_joins_a_transaction_of_an_earlier_database_transaction"

# Trigger or check -> the test that fails without it.
GUARD_TESTS = {
    **{
        f"{table}_append_only": GUARDS + "test_history_is_never_rewritten"
        for table in (
            "transactions", "assets", "transaction_items", "transaction_item_inputs",
            "credits_debits", "chain",
        )
    },
    **{
        f"registry_replay{table}_kept": REPLAYS + "test_nothing_of_it_is_ever_deleted"
        for table in ("run", "rejection", "variance")
    },
    "registry_replayrun_frozen": REPLAYS + "test_a_run_that_ended_stays_as_it_is",
    "registry_replayrejection_frozen": REPLAYS + "test_of_a_rejection_only_its_assignee_changes",
    "registry_replayvariance_frozen": REPLAYS + "test_what_is_signed_is_frozen",
    "reconciliations_append_only": "tests/audit/test_reconciliation.py::"
    "test_a_result_is_never_rewritten",
    "transaction_items_derive_created": JOINS_EARLIER,
    "transaction_item_inputs_derive_consumed": JOINS_EARLIER,
    "credits_debits_derive_posted": JOINS_EARLIER,
    "assets_transaction_sealed": KEYS
    + "test_a_batch_does_not_join_an_earlier_mint_even_without_its_key",
    "transactions_header_stamped": GUARDS + "test_a_transaction_happens_now",
    "transactions_whole_at_commit": WHOLE,
    "chain_linked": GUARDS + "test_a_link_of_an_old_transaction_is_refused",
    "assets_batch_contiguous": GUARDS + "test_batches_follow_each_other",
    "assets_batch_minted": GUARDS + "test_a_batch_comes_with_a_mint",
    "leaves_mirror_blocks": DERIVED + "test_an_unspent_block_says_what_its_canonical_row_says",
    "leaves_mirror_blocks_when_changed": KEYS + "test_a_leaf_is_not_turned_into_one_of_thin_air",
    "leaves_leave_spent": DERIVED + "test_an_unspent_block_stays",
    "leaves_leave_spent_when_changed": KEYS + "test_a_leaf_does_not_become_that_of_another_block",
    "account_balances_mirror_postings": DERIVED + "test_a_balance_without_postings_is_zero",
    "account_balances_mirror_postings_when_changed": DERIVED
    + "test_a_stored_balance_is_what_was_posted",
    "account_balances_in_place": DERIVED + "test_a_stored_balance_is_what_was_posted",
    "account_balances_kept": DERIVED + "test_a_balance_row_stays",
    "registry_request_kept": REQUESTS + "test_a_request_is_kept",
    "registry_request_asked": REQUESTS + "test_a_key_stands_for_one_content",
    "registry_request_changed": REQUESTS + "test_a_submitted_request_keeps_every_column",
    "registry_request_moved": REQUESTS + "test_a_request_moves_only_along_its_states",
    "check_request_change": REQUESTS + "test_a_request_moves_only_along_its_states",
    "check_request_transition": REQUESTS + "test_a_request_moves_only_along_its_states",
    "check_request_frozen": REQUESTS + "test_a_submitted_request_keeps_every_column",
    "check_request_submitter": REQUESTS + "test_nobody_submits_what_is_not_theirs_to_ask",
    "check_request_four_eyes": REQUESTS
    + "test_only_another_person_who_is_an_active_approver_decides",
    "check_request_executed": REQUESTS
    + "test_a_request_is_not_executed_without_a_transaction_of_its_own",
    "check_request_key": REQUESTS + "test_a_key_stands_for_one_content",
    "registry_request_preview_opened": LEDGER
    + "test_guards_previews.py::test_blocks_are_approved_by_somebody_who_opened_them",
    "registry_account_kept": REQUESTS + "test_an_account_stays_what_it_is",
    "changes_append_only": CHANGES + "test_the_log_is_never_rewritten",
    "registry_facilityaudit_append_only": CHANGES
    + "test_what_an_auditor_found_is_never_changed",
    **{
        f"registry_{record}_{what}": CHANGES + test
        for record in (
            "organisation", "user", "account", "facility", "facilityaudit", "commodity", "region",
            "regionrule",
        )
        for what, test in (
            ("actor", f"test_a_record_is_not_added_in_a_strangers_name[{record}]"),
            ("logged", f"test_adding_a_record_of_any_kind_is_recorded[{record}]"),
            ("not_removed", "test_a_record_is_never_removed"),
        )
    },
    **{
        f"registry_{record}_code_kept": REFERENCE + "test_a_code_is_for_ever"
        for record in ("organisation", "account", "facility", "commodity", "region")
    },
    "registry_organisation_freeze": REFERENCE
    + "test_with_an_organisation_its_active_accounts_are_suspended",
    "registry_organisation_own": REFERENCE + "test_nobody_suspends_their_own_organisation",
    **dict.fromkeys(("registry_account_opened_active", "registry_account_made_active"), REFERENCE
                    + "test_no_account_of_a_suspended_organisation_becomes_active"),
    "registry_account_closed": REFERENCE + "test_an_account_that_holds_something_is_not_closed",
    "registry_commodity_zone": REFERENCE + "test_a_time_zone_that_is_none_is_refused_by_name",
    "registry_commodity_fixed": REFERENCE
    + "test_what_a_certificate_stands_for_is_fixed_once_one_was_issued",
    "registry_user_kept": PEOPLE + "test_nobody_rises_to_registry_staff",
    "registry_user_last_admin": PEOPLE + "test_the_last_team_admin_stays",
    "registry_invitation_kept": PEOPLE + "test_what_was_offered_stays",
    **{
        f"registry_{table}_kept": FILES + "test_what_was_handed_in_is_never_changed"
        for table in ("upload", "uploadrow", "evidence", "requestevidence")
    },
    "registry_uploadrow_of_its_upload": FILES + "test_a_row_belongs_to_the_upload_of_its_request",
    "registry_requestevidence_frozen": FILES + "test_only_a_draft_takes_evidence",
    "ledger_ddl_frozen": LEDGER
    + "test_change_window.py::test_without_a_window_nobody_changes_the_definition",
    "check_blocks_conserved": WHOLE,
    "check_batch_whole": WHOLE,
    "check_expired_in_place": APPROVAL,
    "check_postings_follow_blocks": WHOLE,
    "check_balances_agree": WHOLE,
    "check_whole": WHOLE,
}  # fmt: skip
# Constraints that a guard's test reaches; KEYS tests all the others.
CONSTRAINT_TESTS = {
    "assets_volume_is_range_ck": GUARDS + "test_batches_follow_each_other",
    "assets_period_ordered_ck": GUARDS + "test_batches_follow_each_other",
    "transaction_items_volume_is_range_ck": GUARDS + "test_the_volume_of_a_block_is_its_range",
    "credits_debits_posting_one_side_ck": GUARDS + "test_a_posting_has_one_positive_side",
    "account_balances_balance_not_negative_ck": WHOLE,
    "change_windows_reason_given_ck": LEDGER
    + "test_change_window.py::test_a_window_states_its_reason",
    "change_windows_closes_after_opening_ck": LEDGER + "test_change_window.py::test_a_window_ends",
    "registry_request_idempotency_uq": REQUESTS + "test_a_key_stands_for_one_content",
    "registry_organisation_ledger_lock_ck": REFERENCE
    + "test_the_column_that_lets_a_guard_lock_an_organisation_says_nothing",
    "registry_account_ledger_lock_ck": KEYS
    + "test_the_column_that_lets_the_writer_lock_an_account_says_nothing",
}
# What is revoked, or never given, by other means than a plain REVOKE: its opposite, the way back
# where it is the whole server's, and the test.
PRIVILEGE_RULES = {
    "no TEMP for everybody": (
        "DO $$ BEGIN EXECUTE format('GRANT TEMP ON DATABASE %I TO PUBLIC', current_database());"
        " END $$",
        "", PRIVILEGES + "test_the_public_has_nothing_on_the_database",
    ),
    "no CONNECT for everybody": (
        "DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO PUBLIC', current_database());"
        " END $$",
        "", PRIVILEGES + "test_the_public_has_nothing_on_the_database",
    ),
    "no advisory locks": (
        "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO PUBLIC", "",
        ATTACKS + "test_a_login_cannot",
    ),
    "no large objects": (
        "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC", "", ATTACKS + "test_a_login_cannot",
    ),
    "no guard for the owner to call": (
        "GRANT EXECUTE ON FUNCTION ledger.guard_append_only() TO ledger_owner", "",
        "tests/architecture/test_catalogue.py::"
        "test_each_function_is_called_by_whom_the_table_says_and_by_nobody_else",
    ),
    "no guard for everybody to call": (
        "GRANT EXECUTE ON FUNCTION ledger.guard_append_only() TO PUBLIC", "", EVERYBODYS,
    ),
    "no function born everybody's": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC", "",
        LEDGER + "test_change_window.py::test_a_function_made_in_a_window_is_not_everybodys",
    ),
    "no request executed by the pages": (
        "GRANT UPDATE (transaction_id, executed_at) ON public.registry_request TO portal_web", "",
        PRIVILEGES + "test_columns_are_granted_as_the_table_of_grants_says",
    ),
    "no mutation for the pages": (
        "GRANT EXECUTE ON FUNCTION ledger_api.transfer(uuid, uuid) TO portal_web", "",
        PRIVILEGES + "test_a_login_that_may_call_a_function_that_writes_is_one_of_two",
    ),
    "no reading for the service": (
        "GRANT USAGE ON SCHEMA ledger TO ledger_service;"
        " GRANT SELECT ON ledger.credits_debits TO ledger_service", "",
        ATTACKS + "test_a_login_cannot",
    ),
    "no rewriting for the writer": (
        "GRANT UPDATE, DELETE, TRUNCATE ON ledger.credits_debits TO ledger_writer", "",
        ATTACKS + "test_code_injected_into_the_functions_cannot",
    ),
    "no writing for the guards": (
        "GRANT DELETE ON ledger.leaves TO ledger_check", "",
        ATTACKS + "test_code_injected_into_a_guard_cannot",
    ),
    "no password for the auditor": (
        "GRANT SELECT (password) ON public.registry_user TO ledger_auditor", "",
        ATTACKS + "test_a_login_cannot",
    ),
    "no writer among the service's roles": (
        "GRANT ledger_writer TO ledger_service", "REVOKE ledger_writer FROM ledger_service",
        PRIVILEGES + "test_only_the_migrator_may_become_another_and_inherits_nothing",
    ),
    "no rights inherited by the migrator": (
        "GRANT ledger_owner TO ledger_migrator WITH INHERIT TRUE",
        "GRANT ledger_owner TO ledger_migrator WITH INHERIT FALSE",
        PRIVILEGES + "test_only_the_migrator_may_become_another_and_inherits_nothing",
    ),
    "no replica role for the owner": (
        "GRANT SET ON PARAMETER session_replication_role TO ledger_owner",
        "REVOKE SET ON PARAMETER session_replication_role FROM ledger_owner",
        PRIVILEGES + "test_no_setting_of_the_server_is_granted",
    ),
    "nothing for the browser's roles": (
        "GRANT USAGE ON SCHEMA ledger TO anon", "",
        PRIVILEGES + "test_the_browsers_roles_own_nothing_and_may_nothing",
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One thing taken away, the test that must notice, and how to put back what outlives it."""

    name: str
    mutation: str
    test: str
    undo: str = ""


def guards(connection: psycopg.Connection) -> Iterator[Mutant]:
    """Switch each guard off, and let each question of a whole transaction be answered with yes."""
    for table, trigger in connection.execute(
        "SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE NOT tgisinternal"
        " ORDER BY 1, 2"
    ):
        mutation = f"ALTER TABLE {table} DISABLE TRIGGER {trigger}"
        yield Mutant(trigger, mutation, GUARD_TESTS.get(trigger, ""))
    for check, arguments in connection.execute(
        "SELECT proname::text, pg_get_function_arguments(oid) FROM pg_proc"
        " WHERE pronamespace = 'ledger'::regnamespace AND proname LIKE 'check\\_%'"
        " AND prorettype = 'boolean'::regtype ORDER BY 1"
    ):
        yield Mutant(
            check,
            f"CREATE OR REPLACE FUNCTION ledger.{check}({arguments})"
            " RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END'",
            GUARD_TESTS.get(check, ""),
        )
    name = "ledger_ddl_frozen"
    yield Mutant(name, f"ALTER EVENT TRIGGER {name} DISABLE", GUARD_TESTS[name])


def constraints(connection: psycopg.Connection) -> Iterator[Mutant]:
    """Drop each named constraint of the ledger, and those that hold four eyes."""
    for table, name in connection.execute(
        "SELECT conrelid::regclass::text, conname::text FROM pg_constraint"
        " WHERE contype NOT IN ('t', 'n') AND (connamespace = 'ledger'::regnamespace"
        " OR conname = ANY (%s)) ORDER BY 1, 2",
        (list(CONSTRAINT_TESTS),),
    ):
        yield Mutant(
            name,
            f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE",
            CONSTRAINT_TESTS.get(name, f"{KEYS}test_a_constraint_holds_without_any_guard[{name}]"),
        )
    name = "assets_source_serial_uq"
    test = f"{KEYS}test_a_constraint_holds_without_any_guard[{name}]"
    yield Mutant(name, f"DROP INDEX ledger.{name}", test)


def revocations() -> Iterator[Mutant]:
    """Grant what each REVOKE of the SQL files takes away."""
    for path in sorted((ROOT / "ledgerdb" / "sql").glob("*.sql")):
        text = re.sub(r"--.*", "", path.read_text())
        # Those inside DO blocks, where names are not known, are among PRIVILEGE_RULES.
        text = re.sub(r"DO \$(\w*)\$.*?\$\1\$;", "", text, flags=re.S)
        for number, found in enumerate(
            re.finditer(r"^REVOKE (.*?)\sON\s(.*?)\sFROM\s(.*?);", text, re.S | re.M), start=1
        ):
            privileges, what, whom = (" ".join(part.split()) for part in found.groups())
            if what.startswith("FUNCTION"):
                test = EVERYBODYS
            elif what.startswith("SCHEMA"):
                test = (
                    PRIVILEGES
                    + "test_schemas_are_used_by_those_who_need_them_and_written_by_their_owner"
                )
            else:
                test = f"{ON_TABLES}[{whom.lower()}]"
            yield Mutant(
                f"{path.stem}: REVOKE {number}: {what[:40]}",
                f"GRANT {privileges} ON {what} TO {whom}",
                test,
            )


def rules() -> Iterator[Mutant]:
    """Break each rule about privileges that no plain REVOKE states."""
    for name, (mutation, undo, test) in PRIVILEGE_RULES.items():
        yield Mutant(name, mutation, test, undo)


def run(server_dsn: str, tests: list[str], mutation: str = "") -> subprocess.CompletedProcess:
    """Run tests on a template from which something was taken away."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env={**os.environ, "LEDGER_TEST_PG": server_dsn, "STRATA_MUTATION": mutation},
        capture_output=True,
        text=True,
        check=False,
    )


def verdict(mutant: Mutant, servers: Queue) -> str:
    """Say what became of one mutant."""
    if not mutant.test:
        return "NO TEST"
    dsn = servers.get()
    try:
        done = run(dsn, [mutant.test], mutant.mutation)
        if mutant.undo:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(mutant.undo)
    finally:
        servers.put(dsn)
    if done.returncode not in (0, 1):
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n")
    return {0: "SURVIVED", 1: "killed"}.get(done.returncode, "NOT RUN")


def mutants(dsn: str) -> list[Mutant]:
    """List what there is to take away, from the catalogue of a template and from the SQL files."""
    with psycopg.connect(dsn, dbname="strata_template") as connection:
        found = [*guards(connection), *constraints(connection)]
    return [*found, *revocations(), *rules()]


def named() -> set[str]:
    """Return every test that is named for something."""
    found = {*GUARD_TESTS.values(), *CONSTRAINT_TESTS.values(), KEYS[:-2], EVERYBODYS, ON_TABLES}
    return found | {test for *_, test in PRIVILEGE_RULES.values()}


def main(part: str = "") -> int:
    """Run every mutant whose name has this part; return the exit status."""
    from tests.server import start

    stops, servers = [], Queue()
    try:
        for _ in range(int(os.environ.get("JOBS", "2"))):
            server, stop = start(os.environ.get("LEDGER_TEST_PG") or "embedded")
            stops.append(stop)
            servers.put(server.admin_dsn)
        return report(part, servers)
    finally:
        for stop in stops:
            stop()


def report(part: str, servers: Queue) -> int:
    """See the tests pass, then each mutant die; print both."""
    started, first = time.monotonic(), servers.get()
    sound = run(first, sorted(named()))
    if sound.returncode:
        print(sound.stdout[-4000:], "The tests fail before anything is taken away.", sep="\n")
        return 1
    everything = mutants(first)
    servers.put(first)

    chosen = [mutant for mutant in everything if part in mutant.name]
    stale = (set(GUARD_TESTS) | set(CONSTRAINT_TESTS)) - {mutant.name for mutant in everything}
    verdicts = {}
    with ThreadPoolExecutor(servers.qsize()) as pool:
        results = pool.map(lambda mutant: verdict(mutant, servers), chosen)
        for mutant, result in zip(chosen, results, strict=True):
            verdicts[mutant.name] = result
            print(f"{result:9} {mutant.name:64} {mutant.test.split('::')[-1][:70]}", flush=True)
    for name in sorted(stale):
        print(f"{'GONE':9} {name}")
    killed = sum(result == "killed" for result in verdicts.values())
    print(f"{killed} of {len(chosen)} killed in {time.monotonic() - started:.0f} s")
    return 0 if killed == len(chosen) and not stale else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
