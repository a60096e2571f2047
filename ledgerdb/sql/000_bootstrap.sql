-- BOOTSTRAP: roles, logins and the change window of one database.
-- Run by a database administrator (a superuser) inside the registry's database, as often as you
-- like: `manage.py bootstrap_database`. Everything after this file is run by ledger_migrator.

DO $roles$
DECLARE
    v_role text;
BEGIN
    -- Roles are of the whole server: two bootstraps at once would race for the same names.
    PERFORM pg_catalog.pg_advisory_xact_lock(20261120);

    FOREACH v_role IN ARRAY ARRAY['ledger_owner', 'ledger_writer', 'ledger_check',
                                  'ledger_deriver', 'ledger_recorder', 'anon',
                                  'authenticated'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I', v_role);
        END IF;
        EXECUTE format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS',
                       v_role);
    END LOOP;
    FOREACH v_role IN ARRAY ARRAY['ledger_service', 'portal_web', 'ledger_auditor',
                                  'ledger_replay', 'ledger_migrator'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I', v_role);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS',
                       v_role);
    END LOOP;
END
$roles$;

-- Membership without inheritance: the migrator has no right of an owner until it says SET ROLE.
GRANT ledger_owner, ledger_writer, ledger_check, ledger_deriver, ledger_recorder
    TO ledger_migrator WITH INHERIT FALSE, SET TRUE;

-- PUBLIC keeps nothing on the database. A temporary table could shadow a name (pg_temp is searched
-- first unless a function says otherwise), so nobody may make one.
DO $database$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO ledger_service, portal_web, ledger_auditor,
                    ledger_replay, ledger_migrator', current_database());
END
$database$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO ledger_owner;
GRANT USAGE ON SCHEMA public
    TO ledger_writer, ledger_check, ledger_deriver, ledger_recorder, portal_web, ledger_auditor;

CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION ledger_owner;
CREATE SCHEMA IF NOT EXISTS ledger_api AUTHORIZATION ledger_owner;
GRANT USAGE ON SCHEMA ledger
    TO ledger_writer, ledger_check, ledger_deriver, ledger_recorder, portal_web, ledger_auditor;
GRANT USAGE ON SCHEMA ledger_api
    TO ledger_writer, ledger_service, ledger_replay, portal_web;

-- The schema-wide form of this is a no-op for functions: PUBLIC's EXECUTE is a global default.
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner, ledger_writer, ledger_check, ledger_deriver,
    ledger_recorder
    REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
-- The pages write Django's own tables; the ledger's migrations then narrow the few that matter.
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO portal_web;
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO portal_web;

-- What any login could otherwise do to the others: hold advisory locks, fill the disk with large
-- objects.
DO $functions$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND (proname LIKE 'pg\_%advisory%' OR proname LIKE 'lo\_%'
               OR proname IN ('lowrite', 'loread'))
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
    END LOOP;
END
$functions$;

-- The functions that write take turns on a commodity by these (050_checks.sql, 055_settle.sql), and
-- nobody else.
GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer),
    pg_catalog.pg_try_advisory_xact_lock(integer, integer) TO ledger_writer;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer) TO ledger_deriver;

-- A change window: until when, and why, the ledger's owner may change its definition (`ddl`), or
-- ledger_replay may state a past time (`replay`). Only the administrator opens one: a table and not
-- a setting, because any session can SET a setting.
CREATE TABLE IF NOT EXISTS ledger.change_windows (
    id bigint GENERATED ALWAYS AS IDENTITY,
    purpose text NOT NULL,
    reason text NOT NULL,
    opened_by text NOT NULL DEFAULT session_user,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closes_at timestamptz NOT NULL,
    CONSTRAINT change_windows_pk PRIMARY KEY (id),
    CONSTRAINT change_windows_purpose_ck CHECK (purpose IN ('ddl', 'replay')),
    CONSTRAINT change_windows_reason_given_ck CHECK (reason <> ''),
    CONSTRAINT change_windows_closes_after_opening_ck CHECK (closes_at >= opened_at)
);
REVOKE ALL ON ledger.change_windows FROM PUBLIC;
GRANT SELECT ON ledger.change_windows TO ledger_auditor, portal_web;

-- IS_WINDOW_OPEN: true while a window of this purpose is open. The roles that could change it may ask.
CREATE OR REPLACE FUNCTION ledger.is_window_open(p_purpose text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM ledger.change_windows
                   WHERE purpose = p_purpose
                     AND clock_timestamp() BETWEEN opened_at AND closes_at)
$$;
REVOKE ALL ON FUNCTION ledger.is_window_open(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.is_window_open(text)
    TO ledger_owner, ledger_writer, ledger_check, ledger_deriver, ledger_recorder, ledger_migrator;

-- GUARD_DDL_FROZEN: nobody but a superuser changes any definition outside an open window.
-- Refuses: LEDGER_DDL_FROZEN. INVOKER, because it asks who is running the command.
CREATE OR REPLACE FUNCTION ledger.guard_ddl_frozen() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
       OR ledger.is_window_open('ddl') THEN
        RETURN;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'LX003', MESSAGE = 'LEDGER_DDL_FROZEN',
        DETAIL = jsonb_build_object('command', tg_tag, 'role', current_user)::text,
        CONSTRAINT = 'guard_ddl_frozen';
END
$$;
REVOKE ALL ON FUNCTION ledger.guard_ddl_frozen() FROM PUBLIC;

DO $event$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'ledger_ddl_frozen') THEN
        CREATE EVENT TRIGGER ledger_ddl_frozen ON ddl_command_start
            EXECUTE FUNCTION ledger.guard_ddl_frozen();
    END IF;
    ALTER EVENT TRIGGER ledger_ddl_frozen ENABLE ALWAYS;
END
$event$;
