-- REQUESTS: the guards of Django's request and account tables, and who may touch them. Four eyes,
-- states and frozen content are held here, so that a mistake in a view cannot skip them.

SET ROLE ledger_check;

-- Two triggers ask what a change of a request must pass, one what a new request must: a trigger for each
-- question costs an execution more than its own write. Each question is a function with one refusal.
-- They decide inside and not in WHEN clauses, which PostgreSQL parses anew for each statement; the one
-- there is asks a function (IS_UNPROVED), and spares more than it costs.

-- CHECK_REQUEST_TRANSITION: draft -> submitted -> approved -> executed; a draft or a submitted request
-- may be withdrawn, a submitted one rejected, an approved one fail. A new one (p_from is 'new') is a
-- draft or submitted, of one of the five kinds, without a decision or an outcome; how many blocks an
-- expiry takes at most is no less than none.
-- Refuses, in order: REQUEST_KIND_MISMATCH, VOLUME_NOT_POSITIVE, REQUEST_TRANSITION_INVALID.
CREATE OR REPLACE FUNCTION ledger.check_request_transition(
    p_from text, p_request public.registry_request) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_to text := p_request.status;
BEGIN
    IF p_from IN ('new', 'draft')
       AND p_request.kind NOT IN ('mint', 'transfer', 'retire', 'reassign_region', 'expire') THEN
        PERFORM ledger.refuse('REQUEST_KIND_MISMATCH',
            jsonb_build_object('request', p_request.id, 'kind', p_request.kind),
            'registry_request_transition');
    END IF;
    IF p_from IN ('new', 'draft') AND p_request.max_blocks < 0 THEN
        PERFORM ledger.refuse('VOLUME_NOT_POSITIVE',
            jsonb_build_object('request', p_request.id, 'max_blocks', p_request.max_blocks),
            'registry_request_max_blocks');
    END IF;
    IF p_from = 'approved' AND v_to IN ('approved', 'executed', 'failed')
       OR p_from = 'submitted' AND v_to IN ('submitted', 'approved', 'rejected', 'withdrawn')
       OR p_from = 'draft' AND v_to IN ('draft', 'submitted', 'withdrawn')
       OR p_from = 'new' AND v_to IN ('draft', 'submitted')
          AND p_request.approver_id IS NULL AND p_request.decided_at IS NULL
          AND p_request.transaction_id IS NULL AND p_request.executed_at IS NULL
          AND p_request.failed_at IS NULL AND p_request.withdrawn_at IS NULL
       OR p_from = v_to THEN
        RETURN true;
    END IF;
    PERFORM ledger.refuse('REQUEST_TRANSITION_INVALID',
        jsonb_build_object('request', p_request.id, 'from', p_from, 'to', v_to),
        'registry_request_transition');
    RETURN false;
END
$$;

-- CHECK_REQUEST_FROZEN: under which key and number it was asked is fixed from the first moment; who
-- asks, and the content, from submission: who submits what a colleague drafted is who asks, and is the
-- one whom four eyes compare; the decision once taken; the outcome once there. Each step may write its
-- own columns; whatever else differs is refused, columns added later included.
-- Refuses: REQUEST_FROZEN.
CREATE OR REPLACE FUNCTION ledger.check_request_frozen(
    p_old public.registry_request, p_new public.registry_request) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_kept public.registry_request := p_new;
BEGIN
    v_kept.status := p_old.status;
    IF p_old.status = 'approved' AND p_new.status IN ('executed', 'failed') THEN
        v_kept.transaction_id := p_old.transaction_id;
        v_kept.executed_at := p_old.executed_at;
        v_kept.failed_at := p_old.failed_at;
        v_kept.failure_code := p_old.failure_code;
    ELSIF p_old.status = 'submitted' AND p_new.status IN ('approved', 'rejected') THEN
        v_kept.approver_id := p_old.approver_id;
        v_kept.decided_at := p_old.decided_at;
        v_kept.decision_reason := p_old.decision_reason;
        v_kept.approved_fingerprint := p_old.approved_fingerprint;
    ELSIF p_old.status IN ('draft', 'submitted') AND p_new.status = 'withdrawn' THEN
        v_kept.withdrawn_at := p_old.withdrawn_at;
    ELSIF p_old.status = 'draft' THEN
        v_kept := p_old;
        v_kept.id := p_new.id;
        v_kept.number := p_new.number;
        v_kept.submitter_id := CASE WHEN p_new.status = 'submitted' THEN p_old.submitter_id
                                    ELSE p_new.submitter_id END;
        v_kept.organisation_id := p_new.organisation_id;
        v_kept.idempotency_key := p_new.idempotency_key;
        v_kept.created_at := p_new.created_at;
        v_kept.approver_id := p_new.approver_id;
        v_kept.decided_at := p_new.decided_at;
        v_kept.decision_reason := p_new.decision_reason;
        v_kept.approved_fingerprint := p_new.approved_fingerprint;
        v_kept.transaction_id := p_new.transaction_id;
        v_kept.executed_at := p_new.executed_at;
        v_kept.failed_at := p_new.failed_at;
        v_kept.failure_code := p_new.failure_code;
        v_kept.withdrawn_at := p_new.withdrawn_at;
    END IF;
    IF v_kept IS DISTINCT FROM p_old THEN
        PERFORM ledger.refuse('REQUEST_FROZEN',
            jsonb_build_object('request', p_new.id, 'status', p_old.status),
            'registry_request_frozen');
    END IF;
    RETURN true;
END
$$;

-- CHECK_REQUEST_SUBMITTER: an active person of an active organisation asks, for an account or a
-- facility of that organisation; registry staff may ask for anybody, and alone ask for an expiry. A
-- retirement says for whom and why.
-- Refuses, in order: ACTOR_NOT_AUTHORISED, BENEFICIARY_MISSING.
CREATE OR REPLACE FUNCTION ledger.check_request_submitter(p_request public.registry_request)
RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_request.status <> 'submitted' THEN
        RETURN true;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.registry_user u
        JOIN public.registry_organisation o ON o.id = u.organisation_id
        WHERE u.id = p_request.submitter_id AND u.is_active AND o.status = 'active'
          AND p_request.organisation_id = o.id
          AND CASE o.kind
              WHEN 'registry' THEN u.role IN ('operator', 'approver')
              WHEN 'participant' THEN u.role IN ('submitter', 'team_admin')
                  AND p_request.kind <> 'expire'
                  AND CASE WHEN p_request.kind = 'mint'
                      THEN EXISTS (SELECT FROM public.registry_facility f
                                   WHERE f.id = p_request.facility_id AND f.organisation_id = o.id)
                      ELSE EXISTS (SELECT FROM public.registry_account a
                                   WHERE a.id = p_request.source_id AND a.organisation_id = o.id) END
              ELSE false END
    ) THEN
        PERFORM ledger.refuse('ACTOR_NOT_AUTHORISED',
            jsonb_build_object('request', p_request.id, 'submitter', p_request.submitter_id),
            'registry_request_submitter');
    END IF;
    IF p_request.kind = 'retire' AND (p_request.beneficiary = '' OR p_request.reason = '') THEN
        PERFORM ledger.refuse('BENEFICIARY_MISSING', jsonb_build_object('request', p_request.id),
            'registry_request_submitter');
    END IF;
    RETURN true;
END
$$;

-- PEOPLE_REFUSAL: why these two people may not submit and decide a request; empty if they may. The
-- one who decides is an active registry approver, and another person than the submitter: two
-- sign-ins of one person are one person. Something is approved only for a submitter still active.
CREATE OR REPLACE FUNCTION ledger.people_refusal(
    p_submitter_id uuid, p_approver_id uuid, p_approves boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_refusal text;
BEGIN
    SELECT CASE
        WHEN s.id = a.id OR s.person_id = a.person_id THEN 'SELF_APPROVAL'
        WHEN NOT (a.is_active AND a.role = 'approver' AND ao.status = 'active'
                  AND ao.kind = 'registry') THEN 'ACTOR_NOT_AUTHORISED'
        WHEN p_approves AND NOT (s.is_active AND so.status = 'active') THEN 'ACTOR_NOT_AUTHORISED'
        ELSE '' END
    INTO v_refusal
    FROM public.registry_user s
    JOIN public.registry_organisation so ON so.id = s.organisation_id
    CROSS JOIN public.registry_user a
    JOIN public.registry_organisation ao ON ao.id = a.organisation_id
    WHERE s.id = p_submitter_id AND a.id = p_approver_id;
    RETURN coalesce(v_refusal, 'ACTOR_NOT_AUTHORISED');
END
$$;

-- CHECK_REQUEST_FOUR_EYES: the decision is another person's than the submitter's, and a registry
-- approver's.
-- Refuses, in order: SELF_APPROVAL, ACTOR_NOT_AUTHORISED.
CREATE OR REPLACE FUNCTION ledger.check_request_four_eyes(
    p_old public.registry_request, p_new public.registry_request) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_refusal text;
BEGIN
    IF p_old.status <> 'submitted' OR p_new.status NOT IN ('approved', 'rejected') THEN
        RETURN true;
    END IF;
    IF p_new.approver_id IS NULL OR p_new.decided_at IS NULL THEN
        PERFORM ledger.refuse('ACTOR_NOT_AUTHORISED',
            jsonb_build_object('request', p_new.id, 'approver', p_new.approver_id),
            'registry_request_checker_present');
    END IF;
    v_refusal := ledger.people_refusal(p_new.submitter_id, p_new.approver_id,
                                       p_new.status = 'approved');
    IF v_refusal <> '' THEN
        PERFORM ledger.refuse(v_refusal,
            jsonb_build_object('request', p_new.id, 'submitter', p_new.submitter_id,
                               'approver', p_new.approver_id), 'registry_request_four_eyes');
    END IF;
    RETURN true;
END
$$;

-- CHECK_REQUEST_EXECUTED: a request is executed when the ledger says so: by its own transaction; one
-- that is not has none. (It is given what it asks about: a whole request costs more to hand over than
-- the question.)
-- Refuses: REQUEST_TRANSITION_INVALID.
CREATE OR REPLACE FUNCTION ledger.check_request_executed(
    p_request_id uuid, p_from text, p_to text, p_transaction_id bigint, p_executed_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_executed uuid;
BEGIN
    IF p_to <> 'executed' AND p_transaction_id IS NULL AND p_executed_at IS NULL OR p_to = p_from THEN
        RETURN true;
    END IF;
    SELECT t.request_id INTO v_executed FROM ledger.transactions t WHERE t.id = p_transaction_id;
    IF (p_to = 'executed' AND p_executed_at IS NOT NULL AND v_executed = p_request_id) IS NOT TRUE THEN
        PERFORM ledger.refuse('REQUEST_TRANSITION_INVALID',
            jsonb_build_object('request', p_request_id, 'transaction', p_transaction_id),
            'registry_request_executed');
    END IF;
    RETURN true;
END
$$;

-- REQUEST_CONTENT: what a request asks for and for which organisation, without who of its people, when
-- and what came of it.
CREATE OR REPLACE FUNCTION ledger.request_content(p_request public.registry_request) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN to_jsonb(p_request) - ARRAY[
        'id', 'number', 'status', 'submitter_id', 'idempotency_key', 'created_at', 'submitted_at',
        'submitted_fingerprint', 'approver_id', 'decided_at', 'decision_reason',
        'approved_fingerprint', 'executed_at', 'transaction_id', 'failed_at', 'failure_code',
        'withdrawn_at'];
END
$$;

-- CHECK_REQUEST_KEY: an organisation's key stands for one content, whoever of its people submits it in
-- the end. (The same key with the same content meets the unique constraint, and the caller finds the
-- first request.)
-- Refuses: IDEMPOTENCY_KEY_REUSED.
CREATE OR REPLACE FUNCTION ledger.check_request_key(p_request public.registry_request) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_first public.registry_request;
BEGIN
    SELECT * INTO v_first FROM public.registry_request r
    WHERE r.organisation_id = p_request.organisation_id
      AND r.idempotency_key = p_request.idempotency_key;
    IF FOUND AND ledger.request_content(v_first) <> ledger.request_content(p_request) THEN
        PERFORM ledger.refuse('IDEMPOTENCY_KEY_REUSED',
            jsonb_build_object('key', p_request.idempotency_key, 'request', v_first.id),
            'registry_request_idempotency_uq');
    END IF;
    RETURN true;
END
$$;

-- GUARD_REQUEST_ASKED: what a new request must pass.
-- Refuses, in order: as CHECK_REQUEST_KEY, CHECK_REQUEST_SUBMITTER, CHECK_REQUEST_TRANSITION.
CREATE OR REPLACE FUNCTION ledger.guard_request_asked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (ledger.check_request_key(NEW) AND ledger.check_request_submitter(NEW)
        AND ledger.check_request_transition('new', NEW)) IS NOT TRUE THEN
        PERFORM ledger.refuse('REQUEST_TRANSITION_INVALID',
            jsonb_build_object('request', NEW.id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- CHECK_REQUEST_CHANGE: all that a change of a request must pass.
-- Refuses, in order: as CHECK_REQUEST_EXECUTED, CHECK_REQUEST_FOUR_EYES, CHECK_REQUEST_FROZEN,
--     CHECK_REQUEST_SUBMITTER, CHECK_REQUEST_TRANSITION.
CREATE OR REPLACE FUNCTION ledger.check_request_change(
    p_old public.registry_request, p_new public.registry_request) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN ledger.check_request_executed(
               p_new.id, p_old.status, p_new.status, p_new.transaction_id, p_new.executed_at)
           AND ledger.check_request_four_eyes(p_old, p_new)
           AND ledger.check_request_frozen(p_old, p_new)
           AND (p_old.status = p_new.status OR ledger.check_request_submitter(p_new))
           AND ledger.check_request_transition(p_old.status, p_new);
END
$$;

-- GUARD_REQUEST_CHANGED: a statement that names any column but those of the outcome.
-- Refuses, in order: as CHECK_REQUEST_CHANGE.
CREATE OR REPLACE FUNCTION ledger.guard_request_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF ledger.check_request_change(OLD, NEW) IS NOT TRUE THEN
        PERFORM ledger.refuse('REQUEST_TRANSITION_INVALID',
            jsonb_build_object('request', NEW.id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_REQUEST_MOVED: a statement that names a column of the outcome: status, transaction_id,
-- executed_at. From approved to executed one question is open: those of the steps before are answered,
-- and what else the statement changes is for the other guard.
-- Refuses, in order: as CHECK_REQUEST_CHANGE.
CREATE OR REPLACE FUNCTION ledger.guard_request_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (CASE WHEN OLD.status = 'approved' AND NEW.status = 'executed'
             THEN ledger.check_request_executed(
                      NEW.id, OLD.status, NEW.status, NEW.transaction_id, NEW.executed_at)
             ELSE ledger.check_request_change(OLD, NEW) END) IS NOT TRUE THEN
        PERFORM ledger.refuse('REQUEST_TRANSITION_INVALID',
            jsonb_build_object('request', NEW.id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_ACCOUNT_KEPT: an account stays what it is: a retirement account that became a trading one
-- would bring the retired back to life.
-- Refuses: ACCOUNT_TYPE_INVALID.
CREATE OR REPLACE FUNCTION ledger.guard_account_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.refuse('ACCOUNT_TYPE_INVALID',
        jsonb_build_object('account', OLD.id, 'type', OLD.type), tg_name);
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.people_refusal(uuid, uuid, boolean),
    ledger.request_content(public.registry_request),
    ledger.check_request_transition(text, public.registry_request),
    ledger.check_request_frozen(public.registry_request, public.registry_request),
    ledger.check_request_submitter(public.registry_request),
    ledger.check_request_four_eyes(public.registry_request, public.registry_request),
    ledger.check_request_executed(uuid, text, text, bigint, timestamptz),
    ledger.check_request_change(public.registry_request, public.registry_request),
    ledger.check_request_key(public.registry_request)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.people_refusal(uuid, uuid, boolean) TO ledger_writer;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
DO $lend$
DECLARE
    v_guard regprocedure;
BEGIN
    FOR v_guard IN SELECT oid::regprocedure FROM pg_proc
                   WHERE pronamespace = 'ledger'::regnamespace AND prorettype = 'trigger'::regtype
                     AND proowner = current_user::regrole
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ledger_owner', v_guard);
    END LOOP;
END
$lend$;

RESET ROLE;
SET ROLE ledger_owner;

CREATE OR REPLACE TRIGGER registry_request_kept
    BEFORE DELETE OR TRUNCATE ON public.registry_request
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();

CREATE OR REPLACE TRIGGER registry_request_asked
    BEFORE INSERT ON public.registry_request
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_request_asked();

-- Which of the two is asked goes by the columns that a statement names. Executing a request names three,
-- and nothing can change in the others: to compare all of them cost more than to write the row. (Who adds
-- a column makes this trigger anew; who changes the type of one drops it first.)
DO $changes$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER registry_request_changed
                    BEFORE UPDATE OF %s ON public.registry_request
                    FOR EACH ROW EXECUTE FUNCTION ledger.guard_request_changed()',
        (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = 'public.registry_request'::regclass AND attnum > 0 AND NOT attisdropped
           AND attname NOT IN ('status', 'transaction_id', 'executed_at')));
END
$changes$;
-- SETTLE has just locked and read the request, and names the transaction that it wrote for it.
CREATE OR REPLACE TRIGGER registry_request_moved
    BEFORE UPDATE OF status, transaction_id, executed_at ON public.registry_request
    FOR EACH ROW WHEN (ledger.is_unproved()) EXECUTE FUNCTION ledger.guard_request_moved();

CREATE OR REPLACE TRIGGER registry_account_kept
    BEFORE UPDATE ON public.registry_account
    FOR EACH ROW WHEN (
        (NEW.id, NEW.type, NEW.organisation_id, NEW.commodity_id)
        IS DISTINCT FROM (OLD.id, OLD.type, OLD.organisation_id, OLD.commodity_id))
    EXECUTE FUNCTION ledger.guard_account_kept();

DO $always$
DECLARE
    v_trigger record;
BEGIN
    FOR v_trigger IN
        SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE NOT tgisinternal
          AND tgrelid IN ('public.registry_request'::regclass, 'public.registry_account'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I',
                       v_trigger.relation, v_trigger.tgname);
    END LOOP;
END
$always$;

-- The pages: reference records are kept for ever; of a request, the outcome is the ledger's to write.
REVOKE DELETE ON public.registry_organisation, public.registry_user, public.registry_account,
    public.registry_commodity, public.registry_region, public.registry_regionrule,
    public.registry_facility, public.registry_request FROM portal_web;
REVOKE UPDATE ON public.registry_request FROM portal_web;
-- A row here would make the next deployment skip a migration.
REVOKE INSERT, UPDATE, DELETE ON public.django_migrations FROM portal_web;
GRANT UPDATE (status, kind, commodity_id, source_id, target_id, volume, ranges, facility_id,
    region_id, production_start, production_end, source_serial, filter_facility_id,
    filter_region_id, filter_produced_from, filter_produced_to, max_blocks, beneficiary,
    beneficiary_country, beneficiary_place, reason, consumption_start, consumption_end, note,
    occurred_at, source_event, submitter_id, submitted_at, submitted_fingerprint, approver_id,
    decided_at, decision_reason, approved_fingerprint, failed_at, failure_code, withdrawn_at)
    ON public.registry_request TO portal_web;

GRANT SELECT ON public.registry_organisation, public.registry_account, public.registry_commodity,
    public.registry_region, public.registry_regionrule, public.registry_facility,
    public.registry_request TO ledger_writer, ledger_check, ledger_auditor;
-- Not the password.
GRANT SELECT (id, person_id, code, email, name, organisation_id, role, is_active, created_at)
    ON public.registry_user TO ledger_writer, ledger_check, ledger_auditor;
GRANT SELECT ON public.registry_organisation, public.registry_account, public.registry_commodity,
    public.registry_request TO ledger_deriver;
GRANT SELECT (id, person_id, organisation_id, role, is_active) ON public.registry_user
    TO ledger_deriver;
GRANT UPDATE (status, transaction_id, executed_at) ON public.registry_request
    TO ledger_writer, ledger_deriver;
GRANT UPDATE (ledger_lock) ON public.registry_account TO ledger_writer, ledger_deriver;

RESET ROLE;
SET ROLE ledger_check;
DO $take_back$
DECLARE
    v_guard regprocedure;
BEGIN
    FOR v_guard IN SELECT oid::regprocedure FROM pg_proc
                   WHERE pronamespace = 'ledger'::regnamespace AND prorettype = 'trigger'::regtype
                     AND proowner = current_user::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, ledger_owner', v_guard);
    END LOOP;
END
$take_back$;

RESET ROLE;
