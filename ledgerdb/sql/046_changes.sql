-- CHANGES: the log of the reference records: who changed what, when, from what to what, and why. It is
-- written by triggers: the pages may read it and nothing else, whatever they forget to say.
--
-- The service that makes a change names the person and the reason for its database transaction
-- (`ledger.actor`, `ledger.reason`). A change that names nobody is recorded as just that, with the login
-- that made it: the first organisation and the first person, and what is migrated from another
-- registry, are nobody's doing in the portal, and a refusal would only teach people to name somebody
-- else. Who is named, however, must be somebody who may.
--
-- The triggers run as ledger_recorder, which no guard of the ledger lets by. They stand on the
-- reference tables only: requests and the ledger are histories of their own.

SET ROLE ledger_owner;

-- One row: one record was added, changed or removed.
CREATE TABLE IF NOT EXISTS ledger.changes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    changed_at timestamptz NOT NULL,
    written_in xid8 NOT NULL,           -- the database transaction: what was changed together
    login text NOT NULL,                -- of the session, which names the person
    actor_id uuid,                      -- empty: it named nobody
    reason text NOT NULL,
    record text NOT NULL,               -- of which kind: organisation, account, …
    record_id text NOT NULL,
    parent_id text,                     -- of the record that it belongs to
    before jsonb,                       -- empty: the record was not there
    after jsonb,                        -- empty: it is no longer there
    CONSTRAINT changes_pk PRIMARY KEY (id),
    CONSTRAINT changes_something_changed_ck CHECK (before IS DISTINCT FROM after)
);
CREATE INDEX IF NOT EXISTS changes_record_ix ON ledger.changes (record, record_id, id);
CREATE INDEX IF NOT EXISTS changes_parent_ix ON ledger.changes (parent_id, id);
CREATE INDEX IF NOT EXISTS changes_actor_ix ON ledger.changes (actor_id, id);
CREATE INDEX IF NOT EXISTS changes_time_ix ON ledger.changes (changed_at);

REVOKE ALL ON ledger.changes FROM PUBLIC;
GRANT INSERT ON ledger.changes TO ledger_recorder;
GRANT SELECT ON ledger.changes TO ledger_check, portal_web, ledger_auditor;

RESET ROLE;
SET ROLE ledger_check;

-- GUARD_ACTOR: who is named as changing a record is a person of the registry's books; and what is not a
-- sign-in is changed by an active registry operator alone.
-- Refuses: ACTOR_NOT_AUTHORISED.
CREATE OR REPLACE FUNCTION ledger.guard_actor() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor uuid := nullif(current_setting('ledger.actor', true), '')::uuid;
BEGIN
    IF v_actor IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.registry_user u
        JOIN public.registry_organisation o ON o.id = u.organisation_id
        WHERE u.id = v_actor
          AND (tg_table_name = 'registry_user'
               OR (u.is_active AND u.role = 'operator'
                   AND o.kind = 'registry' AND o.status = 'active'))
    ) THEN
        PERFORM ledger.refuse('ACTOR_NOT_AUTHORISED',
            jsonb_build_object('table', tg_table_name, 'actor', v_actor), tg_name);
    END IF;
    RETURN NEW;
END
$$;

RESET ROLE;
SET ROLE ledger_recorder;

-- RECORD_CHANGE: record a change: the kind of record is the trigger's first argument, the column that
-- names its parent the second. What is no reference data is left out: passwords, sign-ins, locks.
CREATE OR REPLACE FUNCTION ledger.record_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    v_hidden text[] := ARRAY['password', 'last_login', 'ledger_lock'];
    v_before jsonb := CASE WHEN tg_op <> 'INSERT' THEN to_jsonb(OLD) - v_hidden END;
    v_after jsonb := CASE WHEN tg_op <> 'DELETE' THEN to_jsonb(NEW) - v_hidden END;
    v_row jsonb := coalesce(v_after, v_before);
BEGIN
    IF v_before IS DISTINCT FROM v_after THEN
        INSERT INTO ledger.changes (changed_at, written_in, login, actor_id, reason, record,
                                    record_id, parent_id, before, after)
        VALUES (clock_timestamp(), pg_current_xact_id(), session_user,
                nullif(current_setting('ledger.actor', true), '')::uuid,
                coalesce(current_setting('ledger.reason', true), ''),
                tg_argv[0], v_row ->> 'id', v_row ->> tg_argv[1], v_before, v_after);
    END IF;
    RETURN NULL;
END
$$;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
GRANT EXECUTE ON FUNCTION ledger.record_change() TO ledger_owner;
RESET ROLE;
SET ROLE ledger_check;
GRANT EXECUTE ON FUNCTION ledger.guard_actor(), ledger.guard_append_only() TO ledger_owner;
RESET ROLE;
SET ROLE ledger_owner;

CREATE OR REPLACE TRIGGER changes_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.changes
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
ALTER TABLE ledger.changes ENABLE ALWAYS TRIGGER changes_append_only;

-- What an auditor found stays as it was written; other records change, and are kept for ever.
CREATE OR REPLACE TRIGGER registry_facilityaudit_append_only
    BEFORE UPDATE ON public.registry_facilityaudit
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
ALTER TABLE public.registry_facilityaudit ENABLE ALWAYS TRIGGER registry_facilityaudit_append_only;

DO $triggers$
DECLARE
    v_logged record;
BEGIN
    FOR v_logged IN
        SELECT * FROM (VALUES
            ('organisation', ''), ('user', 'organisation_id'), ('account', 'organisation_id'),
            ('facility', 'organisation_id'), ('facilityaudit', 'facility_id'),
            ('commodity', ''), ('region', ''), ('regionrule', 'commodity_id')
        ) AS logged (record, parent)
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER registry_%1$s_actor
                        BEFORE INSERT OR UPDATE ON public.registry_%1$s
                        FOR EACH ROW EXECUTE FUNCTION ledger.guard_actor()', v_logged.record);
        EXECUTE format('CREATE OR REPLACE TRIGGER registry_%1$s_logged
                        AFTER INSERT OR UPDATE OR DELETE ON public.registry_%1$s
                        FOR EACH ROW EXECUTE FUNCTION ledger.record_change(%1$L, %2$L)',
                       v_logged.record, v_logged.parent);
        EXECUTE format('CREATE OR REPLACE TRIGGER registry_%1$s_not_removed
                        BEFORE DELETE OR TRUNCATE ON public.registry_%1$s
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only()',
                       v_logged.record);
        EXECUTE format('ALTER TABLE public.registry_%1$s
                        ENABLE ALWAYS TRIGGER registry_%1$s_actor,
                        ENABLE ALWAYS TRIGGER registry_%1$s_logged,
                        ENABLE ALWAYS TRIGGER registry_%1$s_not_removed', v_logged.record);
    END LOOP;
END
$triggers$;

REVOKE UPDATE, DELETE ON public.registry_facilityaudit FROM portal_web;
GRANT SELECT ON public.registry_facilityaudit TO ledger_auditor;

RESET ROLE;
SET ROLE ledger_check;
REVOKE ALL ON FUNCTION ledger.guard_actor(), ledger.guard_append_only() FROM PUBLIC, ledger_owner;
RESET ROLE;
SET ROLE ledger_recorder;
REVOKE ALL ON FUNCTION ledger.record_change() FROM PUBLIC, ledger_owner;
RESET ROLE;
