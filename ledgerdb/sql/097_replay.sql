-- REPLAY: the guards of runs, of what they rejected, and of what was decided about it: Django's tables.
-- What a run was given and what came of it stays; a decision is signed by a second person, and is
-- then frozen.

SET ROLE ledger_check;

-- GUARD_REPLAY_RUN: a run starts as waiting. Its inputs stay, what it was started with stays from
-- then on, its state moves forward, and one that ended stays, but for its comparison. A rehearsal has a
-- database of its own, named after it: its worker is the administrator, opens a replay window there and
-- goes on with what was begun, so a name that anybody could write must not lead it to this database.
-- For the same reason the rules of a run are decisions about its source that somebody signed.
-- Refuses: REPLAY_RUN_FROZEN.
CREATE OR REPLACE FUNCTION ledger.guard_replay_run() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_of_the_start CONSTANT text[] := ARRAY['code_version', 'map_version', 'rules', 'database',
                                            'started_at'];
    v_progress CONSTANT text[] := ARRAY[
        'state', 'problem', 'heartbeat_at', 'finished_at', 'seconds', 'events', 'done', 'accepted',
        'rejected', 'repeated', 'unreadable', 'amended', 'skipped', 'inserted', 'counts', 'figures',
        'heads', 'reconciliation', 'reconciled'];
    v_comparison CONSTANT text[] := ARRAY['comparison', 'differences', 'balances_path',
                                          'balances_sha256'];
    v_own CONSTANT text := current_database() || CASE NEW.purpose
        WHEN 'rehearsal' THEN '_replay_' || NEW.id ELSE '' END;
    v_may text[] := v_comparison;
BEGIN
    IF NEW.database NOT IN ('', v_own)
       AND (tg_op = 'INSERT' OR NEW.database <> OLD.database) THEN
        PERFORM ledger.refuse('REPLAY_RUN_FROZEN',
            jsonb_build_object('run', NEW.id, 'database', NEW.database), tg_name);
    END IF;
    IF NEW.rules <> '[]' AND (tg_op = 'INSERT' OR NEW.rules <> OLD.rules) AND EXISTS (
        SELECT FROM jsonb_array_elements(NEW.rules) rule
        WHERE NOT EXISTS (
            SELECT FROM public.registry_replayvariance v
            WHERE v.id = (rule ->> 'id')::bigint AND v.source = NEW.source
              AND v.signed_at IS NOT NULL
              AND (v.event_id, v.action, v.content) IS NOT DISTINCT FROM
                  (rule ->> 'event_id', rule ->> 'action', rule -> 'content')))
    THEN
        PERFORM ledger.refuse('REPLAY_RUN_FROZEN', jsonb_build_object('run', NEW.id), tg_name);
    END IF;
    IF tg_op = 'INSERT' THEN
        IF NEW.state <> 'waiting' THEN
            PERFORM ledger.refuse('REPLAY_RUN_FROZEN', jsonb_build_object('run', NEW.id), tg_name);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state NOT IN ('finished', 'failed') THEN
        v_may := v_may || v_progress;
    END IF;
    IF OLD.started_at IS NULL THEN
        v_may := v_may || v_of_the_start;
    END IF;
    IF to_jsonb(NEW) - v_may <> to_jsonb(OLD) - v_may
       OR NEW.state = 'waiting' AND OLD.state <> 'waiting'
       OR NEW.state <> 'waiting' AND NEW.started_at IS NULL AND NEW.state <> 'failed' THEN
        PERFORM ledger.refuse('REPLAY_RUN_FROZEN', jsonb_build_object('run', OLD.id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_REPLAY_REJECTION: a rejection belongs to a run that is running; only who looks into it changes.
-- Refuses: REPLAY_RUN_FROZEN.
CREATE OR REPLACE FUNCTION ledger.guard_replay_rejection() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tg_op = 'INSERT' AND NOT EXISTS (SELECT FROM public.registry_replayrun r
                                        WHERE r.id = NEW.run_id AND r.state = 'running')
       OR tg_op = 'UPDATE'
          AND to_jsonb(NEW) - 'assignee_id'::text <> to_jsonb(OLD) - 'assignee_id'::text THEN
        PERFORM ledger.refuse('REPLAY_RUN_FROZEN',
            jsonb_build_object('run', NEW.run_id, 'event', NEW.event_id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_REPLAY_VARIANCE: an active operator of the registry decides, an active approver of it who is
-- another person signs, and either takes back what nobody signed. What was decided stays; what is
-- signed or withdrawn ends there. It replaces what is signed about the same event, or is the first
-- about it.
-- Refuses, in order: ACTOR_NOT_AUTHORISED, SELF_APPROVAL, REPLAY_VARIANCE_FROZEN.
CREATE OR REPLACE FUNCTION ledger.guard_replay_variance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_of_the_end CONSTANT text[] := ARRAY['signed_by_id', 'signed_at', 'withdrawn_at',
                                          'withdrawn_by_id', 'withdrawn_reason'];
    v_signing CONSTANT boolean := NEW.signed_by_id IS NOT NULL
        AND (tg_op = 'INSERT' OR OLD.signed_by_id IS DISTINCT FROM NEW.signed_by_id);
    v_acting CONSTANT uuid := CASE WHEN v_signing THEN NEW.signed_by_id
                                   WHEN tg_op = 'INSERT' THEN NEW.author_id
                                   ELSE NEW.withdrawn_by_id END;
    v_roles CONSTANT text[] := CASE WHEN v_signing THEN ARRAY['approver']
                                    WHEN tg_op = 'INSERT' THEN ARRAY['operator']
                                    ELSE ARRAY['operator', 'approver'] END;
    v_refusal text := '';
BEGIN
    IF v_acting IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.registry_user u
        JOIN public.registry_organisation o ON o.id = u.organisation_id
        WHERE u.id = v_acting AND u.is_active AND o.status = 'active' AND o.kind = 'registry'
          AND u.role = ANY (v_roles)) THEN
        v_refusal := 'ACTOR_NOT_AUTHORISED';
    ELSIF v_signing AND EXISTS (
        SELECT FROM public.registry_user a
        JOIN public.registry_user s ON s.person_id = a.person_id
        WHERE a.id = NEW.author_id AND s.id = NEW.signed_by_id) THEN
        v_refusal := 'SELF_APPROVAL';
    ELSIF tg_op = 'INSERT' THEN
        IF v_signing OR NEW.withdrawn_at IS NOT NULL
           OR NEW.replaces_id IS NOT NULL AND NOT EXISTS (
              SELECT FROM public.registry_replayvariance v
              WHERE v.id = NEW.replaces_id AND v.signed_at IS NOT NULL
                AND (v.source, v.event_id) = (NEW.source, NEW.event_id)) THEN
            v_refusal := 'REPLAY_VARIANCE_FROZEN';
        END IF;
    ELSIF OLD.signed_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL
          OR to_jsonb(NEW) - v_of_the_end <> to_jsonb(OLD) - v_of_the_end THEN
        v_refusal := 'REPLAY_VARIANCE_FROZEN';
    END IF;
    IF v_refusal <> '' THEN
        PERFORM ledger.refuse(v_refusal,
            jsonb_build_object('event', NEW.event_id, 'author', NEW.author_id,
                               'signed_by', NEW.signed_by_id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
GRANT EXECUTE ON FUNCTION ledger.guard_replay_run(), ledger.guard_replay_rejection(),
    ledger.guard_replay_variance(), ledger.guard_append_only() TO ledger_owner;

RESET ROLE;
SET ROLE ledger_owner;

CREATE OR REPLACE TRIGGER registry_replayrun_kept
    BEFORE DELETE OR TRUNCATE ON public.registry_replayrun
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
CREATE OR REPLACE TRIGGER registry_replayrejection_kept
    BEFORE DELETE OR TRUNCATE ON public.registry_replayrejection
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
CREATE OR REPLACE TRIGGER registry_replayvariance_kept
    BEFORE DELETE OR TRUNCATE ON public.registry_replayvariance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
CREATE OR REPLACE TRIGGER registry_replayrun_frozen
    BEFORE INSERT OR UPDATE ON public.registry_replayrun
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_replay_run();
CREATE OR REPLACE TRIGGER registry_replayrejection_frozen
    BEFORE INSERT OR UPDATE ON public.registry_replayrejection
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_replay_rejection();
CREATE OR REPLACE TRIGGER registry_replayvariance_frozen
    BEFORE INSERT OR UPDATE ON public.registry_replayvariance
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_replay_variance();

ALTER TABLE public.registry_replayrun ENABLE ALWAYS TRIGGER registry_replayrun_kept;
ALTER TABLE public.registry_replayrejection ENABLE ALWAYS TRIGGER registry_replayrejection_kept;
ALTER TABLE public.registry_replayvariance ENABLE ALWAYS TRIGGER registry_replayvariance_kept;
ALTER TABLE public.registry_replayrun ENABLE ALWAYS TRIGGER registry_replayrun_frozen;
ALTER TABLE public.registry_replayrejection ENABLE ALWAYS TRIGGER registry_replayrejection_frozen;
ALTER TABLE public.registry_replayvariance ENABLE ALWAYS TRIGGER registry_replayvariance_frozen;

REVOKE UPDATE, DELETE ON public.registry_replayrejection, public.registry_replayvariance
    FROM portal_web;
REVOKE DELETE ON public.registry_replayrun FROM portal_web;
GRANT UPDATE (assignee_id) ON public.registry_replayrejection TO portal_web;
GRANT UPDATE (signed_by_id, signed_at, withdrawn_at, withdrawn_by_id, withdrawn_reason)
    ON public.registry_replayvariance TO portal_web;
GRANT SELECT ON public.registry_replayrun, public.registry_replayvariance TO ledger_check;
GRANT SELECT ON public.registry_replayrun, public.registry_replayrejection,
    public.registry_replayvariance TO ledger_auditor;

INSERT INTO ledger.error_codes AS known (code, sqlstate, domain, http_status, title, cause,
    what_to_do)
VALUES
    ('REPLAY_RUN_FROZEN', 'LR101', 'replay', 409,
     'A run of a replay stays as it is.',
     'Something tried to change what a run was given, or a run that has ended, or what it rejected.',
     'Start another run: it records its own inputs and its own outcome.'),
    ('REPLAY_VARIANCE_FROZEN', 'LR102', 'replay', 409,
     'This decision can no longer be changed.',
     'It is signed or withdrawn, or another one about the same event came first.',
     'Open the event again to see what is in force. A new decision can replace a signed one.'),
    -- Found in the file, before the ledger is asked.
    ('REPLAY_OUT_OF_ORDER', 'LV119', 'file', 422,
     'The event is older than one before it.',
     'A history is replayed in the order in which it happened, and an earlier line of the same commodity has a later time.',
     'Sort the history by time at its source, or decide about the event on the page of the run.')
ON CONFLICT (code) DO UPDATE
    SET sqlstate = EXCLUDED.sqlstate, domain = EXCLUDED.domain,
        http_status = EXCLUDED.http_status, title = EXCLUDED.title,
        cause = EXCLUDED.cause, what_to_do = EXCLUDED.what_to_do
    WHERE known IS DISTINCT FROM EXCLUDED;

RESET ROLE;
SET ROLE ledger_check;
REVOKE ALL ON FUNCTION ledger.guard_replay_run(), ledger.guard_replay_rejection(),
    ledger.guard_replay_variance(), ledger.guard_append_only() FROM PUBLIC, ledger_owner;

RESET ROLE;
