-- PEOPLE: the guards of sign-ins and invitations. Whoever could give the approver's role alone could
-- give it to themselves under another name: four eyes begin where sign-ins are made.

SET ROLE ledger_check;

-- GUARD_USER_KEPT: two sign-ins may turn out to be one person; one person never becomes two. Nobody
-- rises to registry staff: a staff sign-in is a new one, by an invitation that two persons made.
-- Refuses: ACTOR_NOT_AUTHORISED.
CREATE OR REPLACE FUNCTION ledger.guard_user_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.person_id <> OLD.person_id
       AND (NOT EXISTS (SELECT FROM public.registry_user u WHERE u.person_id = NEW.person_id)
            OR EXISTS (SELECT FROM public.registry_user u
                       WHERE u.person_id = OLD.person_id AND u.id <> OLD.id))
       OR NEW.role IN ('operator', 'approver')
          AND (NEW.role, NEW.organisation_id) <> (OLD.role, OLD.organisation_id)
       OR NEW.id <> OLD.id THEN
        PERFORM ledger.refuse('ACTOR_NOT_AUTHORISED', jsonb_build_object('user', OLD.id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_LAST_ADMIN: an organisation that has a team admin keeps one, and the registry an operator:
-- nobody would be left to let others in. Two who remove each other at once take turns on the
-- organisation's row.
-- Refuses: LAST_ADMIN.
CREATE OR REPLACE FUNCTION ledger.guard_last_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT OLD.is_active OR OLD.role NOT IN ('team_admin', 'operator')
       OR NEW.is_active AND (NEW.role, NEW.organisation_id) = (OLD.role, OLD.organisation_id) THEN
        RETURN NEW;
    END IF;
    PERFORM FROM public.registry_organisation o WHERE o.id = OLD.organisation_id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM public.registry_user u
                   WHERE u.organisation_id = OLD.organisation_id AND u.role = OLD.role
                     AND u.is_active AND u.id <> OLD.id) THEN
        PERFORM ledger.refuse('LAST_ADMIN',
            jsonb_build_object('user', OLD.id, 'organisation', OLD.organisation_id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_INVITATION: an active team admin invites into their own organisation, an active registry
-- operator into any, to a role of that kind of organisation. What is offered stays; a link is taken
-- once and in time, and one to registry staff is made when an approver, another person than the
-- inviter and not the invited, has confirmed it.
-- Refuses, in order: ACTOR_NOT_AUTHORISED, INVITATION_SPENT, SELF_APPROVAL.
CREATE OR REPLACE FUNCTION ledger.guard_invitation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_refusal text := '';
BEGIN
    IF tg_op = 'INSERT' THEN
        IF NOT EXISTS (
            SELECT FROM public.registry_user u
            JOIN public.registry_organisation o ON o.id = u.organisation_id
            CROSS JOIN public.registry_organisation t
            WHERE u.id = NEW.invited_by_id AND u.is_active AND o.status = 'active'
              AND t.id = NEW.organisation_id
              AND (u.role = 'operator' AND o.kind = 'registry'
                   OR u.role = 'team_admin' AND o.id = t.id)
              AND CASE t.kind
                  WHEN 'registry' THEN NEW.role IN ('operator', 'approver')
                  WHEN 'regulator' THEN NEW.role = 'auditor'
                  ELSE NEW.role IN ('viewer', 'submitter', 'team_admin') END) THEN
            v_refusal := 'ACTOR_NOT_AUTHORISED';
        END IF;
    ELSIF OLD.accepted_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL
          OR (NEW.id, NEW.organisation_id, NEW.email, NEW.role, NEW.same_person_as_id,
              NEW.invited_by_id, NEW.created_at)
             IS DISTINCT FROM
             (OLD.id, OLD.organisation_id, OLD.email, OLD.role, OLD.same_person_as_id,
              OLD.invited_by_id, OLD.created_at)
          OR OLD.token_hash IS NOT NULL
             AND (NEW.token_hash, NEW.expires_at, NEW.confirmed_by_id)
                 IS DISTINCT FROM (OLD.token_hash, OLD.expires_at, OLD.confirmed_by_id)
          OR NEW.accepted_at IS NOT NULL AND NEW.expires_at <= clock_timestamp() THEN
        v_refusal := 'INVITATION_SPENT';
    END IF;
    IF v_refusal = '' AND NEW.role IN ('operator', 'approver')
       AND (NEW.token_hash IS NOT NULL OR NEW.confirmed_by_id IS NOT NULL) THEN
        SELECT CASE
            WHEN i.person_id = c.person_id OR lower(c.email) = lower(NEW.email)
                 THEN 'SELF_APPROVAL'
            WHEN NOT (c.is_active AND c.role = 'approver' AND o.status = 'active'
                      AND o.kind = 'registry') THEN 'ACTOR_NOT_AUTHORISED'
            ELSE '' END
        INTO v_refusal
        FROM public.registry_user i
        CROSS JOIN public.registry_user c
        JOIN public.registry_organisation o ON o.id = c.organisation_id
        WHERE i.id = NEW.invited_by_id AND c.id = NEW.confirmed_by_id;
    END IF;
    v_refusal := coalesce(v_refusal, 'ACTOR_NOT_AUTHORISED');
    IF v_refusal <> '' THEN
        PERFORM ledger.refuse(v_refusal, jsonb_build_object('invitation', NEW.id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

DO $lend$
DECLARE
    v_guard regprocedure;
BEGIN
    FOREACH v_guard IN ARRAY ARRAY['ledger.guard_user_kept()', 'ledger.guard_last_admin()',
                                   'ledger.guard_invitation()']::regprocedure[]
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ledger_owner', v_guard);
    END LOOP;
END
$lend$;

RESET ROLE;
SET ROLE ledger_owner;

CREATE OR REPLACE TRIGGER registry_user_kept
    BEFORE UPDATE ON public.registry_user
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_user_kept();

CREATE OR REPLACE TRIGGER registry_user_last_admin
    BEFORE UPDATE ON public.registry_user
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_last_admin();

CREATE OR REPLACE TRIGGER registry_invitation_kept
    BEFORE INSERT OR UPDATE ON public.registry_invitation
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_invitation();

ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER registry_user_kept;
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER registry_user_last_admin;
ALTER TABLE public.registry_invitation ENABLE ALWAYS TRIGGER registry_invitation_kept;

-- A used code stays used, and who was invited by whom stays on record.
REVOKE UPDATE, DELETE ON public.registry_codeuse FROM portal_web;
REVOKE DELETE ON public.registry_invitation FROM portal_web;

RESET ROLE;
SET ROLE ledger_check;

REVOKE ALL ON FUNCTION ledger.guard_user_kept(), ledger.guard_last_admin(),
    ledger.guard_invitation() FROM PUBLIC, ledger_owner;

RESET ROLE;
