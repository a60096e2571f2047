-- REFERENCE: what may not become of a reference record: a commodity, an account, an organisation. Who may
-- touch them: 045_requests.sql; who did: 046_changes.sql.

SET ROLE ledger_check;

-- GUARD_CODE_KEPT: a code is for ever: transactions, statements and links name records by it.
-- Refuses: RECORD_FIXED.
CREATE OR REPLACE FUNCTION ledger.guard_code_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.refuse('RECORD_FIXED',
        jsonb_build_object('table', tg_table_name, 'code', OLD.code, 'to', NEW.code), tg_name);
    RETURN NULL;
END
$$;

-- GUARD_COMMODITY_ZONE: the time zone of a commodity is one that the world knows by this name, and not
-- one that differs from machine to machine.
-- Refuses: TIME_ZONE_UNKNOWN.
CREATE OR REPLACE FUNCTION ledger.guard_commodity_zone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.time_zone <> 'UTC'
       AND NOT EXISTS (SELECT FROM pg_timezone_names z
                       WHERE z.name = NEW.time_zone AND z.name !~ '^(posix|right)/'
                         AND z.name NOT IN ('localtime', 'posixrules', 'Factory')) THEN
        PERFORM ledger.refuse('TIME_ZONE_UNKNOWN',
            jsonb_build_object('commodity', NEW.code, 'time_zone', NEW.time_zone), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_COMMODITY_FIXED: what a certificate stands for, and when its days end, is fixed once one was
-- issued. (Months apply to what is issued from then on: a batch keeps the dates that it was issued with.)
-- Every mint of a commodity locks its issuance account: with it locked, none is under way.
-- Refuses: RECORD_FIXED.
CREATE OR REPLACE FUNCTION ledger.guard_commodity_fixed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM public.registry_account a
    WHERE a.commodity_id = OLD.id AND a.type = 'issuance' FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM ledger.assets b WHERE b.commodity_id = OLD.id) THEN
        PERFORM ledger.refuse('RECORD_FIXED',
            jsonb_build_object('commodity', OLD.code, 'unit', NEW.unit,
                               'unit_per_certificate', NEW.unit_per_certificate,
                               'time_zone', NEW.time_zone), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_ACCOUNT_OF_ACTIVE: no account of a suspended organisation is active: the ledger asks an account
-- whether it is, whoever sends and whoever receives.
-- Refuses: ORGANISATION_SUSPENDED.
CREATE OR REPLACE FUNCTION ledger.guard_account_of_active() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_status text;
BEGIN
    -- Locked: a suspension that is under way must not miss an account that is being opened.
    SELECT o.status INTO v_status FROM public.registry_organisation o
    WHERE o.id = NEW.organisation_id FOR SHARE;
    IF v_status = 'suspended' THEN
        PERFORM ledger.refuse('ORGANISATION_SUSPENDED',
            jsonb_build_object('account', NEW.code, 'organisation', NEW.organisation_id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_ORGANISATION_OWN: nobody suspends their own organisation: who keeps the records could then never
-- reactivate it.
-- Refuses: ACTOR_NOT_AUTHORISED.
CREATE OR REPLACE FUNCTION ledger.guard_organisation_own() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM public.registry_user u
               WHERE u.id = nullif(current_setting('ledger.actor', true), '')::uuid
                 AND u.organisation_id = NEW.id) THEN
        PERFORM ledger.refuse('ACTOR_NOT_AUTHORISED',
            jsonb_build_object('organisation', NEW.code), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_ACCOUNT_CLOSED: an account is closed for good, and only when it is empty and nothing is under way.
-- The ledger locks the accounts that it moves certificates of, as this update locks the row.
-- Refuses, in order: RECORD_FIXED, ACCOUNT_NOT_EMPTY, ACCOUNT_HAS_REQUESTS.
CREATE OR REPLACE FUNCTION ledger.guard_account_closed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_requests bigint;
BEGIN
    IF OLD.status = 'closed' THEN
        PERFORM ledger.refuse('RECORD_FIXED',
            jsonb_build_object('account', OLD.code, 'status', OLD.status), tg_name);
    END IF;
    IF EXISTS (SELECT FROM ledger.account_balances b
               WHERE b.account_id = NEW.id AND b.balance <> 0) THEN
        PERFORM ledger.refuse('ACCOUNT_NOT_EMPTY',
            jsonb_build_object('account', NEW.code), tg_name);
    END IF;
    SELECT count(*) INTO v_requests FROM public.registry_request r
    WHERE NEW.id IN (r.source_id, r.target_id) AND r.status IN ('submitted', 'approved');
    IF v_requests > 0 THEN
        PERFORM ledger.refuse('ACCOUNT_HAS_REQUESTS',
            jsonb_build_object('account', NEW.code, 'requests', v_requests), tg_name);
    END IF;
    RETURN NEW;
END
$$;

GRANT EXECUTE ON FUNCTION ledger.guard_code_kept(), ledger.guard_commodity_zone(),
    ledger.guard_commodity_fixed(), ledger.guard_account_of_active(), ledger.guard_account_closed(),
    ledger.guard_organisation_own()
    TO ledger_owner;

RESET ROLE;
SET ROLE ledger_recorder;

-- FREEZE_ACCOUNTS: with an organisation, its active accounts are suspended, so that it neither
-- sends nor receives. Locked in id order, as the ledger does.
CREATE OR REPLACE FUNCTION ledger.freeze_accounts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM public.registry_account a
    WHERE a.organisation_id = NEW.id AND a.status = 'active'
    ORDER BY a.id FOR NO KEY UPDATE;
    UPDATE public.registry_account a SET status = 'suspended'
    WHERE a.organisation_id = NEW.id AND a.status = 'active';
    RETURN NULL;
END
$$;
GRANT EXECUTE ON FUNCTION ledger.freeze_accounts() TO ledger_owner;

RESET ROLE;
SET ROLE ledger_owner;

GRANT UPDATE (ledger_lock) ON public.registry_account, public.registry_organisation TO ledger_check;
-- (To see which are its own, it reads three columns.)
GRANT SELECT (id, organisation_id, status), UPDATE (status)
    ON public.registry_account TO ledger_recorder;

CREATE OR REPLACE TRIGGER registry_organisation_freeze
    AFTER UPDATE OF status ON public.registry_organisation
    FOR EACH ROW WHEN (NEW.status = 'suspended' AND OLD.status <> 'suspended')
    EXECUTE FUNCTION ledger.freeze_accounts();

CREATE OR REPLACE TRIGGER registry_organisation_own
    BEFORE UPDATE OF status ON public.registry_organisation
    FOR EACH ROW WHEN (NEW.status = 'suspended' AND OLD.status <> 'suspended')
    EXECUTE FUNCTION ledger.guard_organisation_own();

CREATE OR REPLACE TRIGGER registry_account_opened_active
    BEFORE INSERT ON public.registry_account
    FOR EACH ROW WHEN (NEW.status = 'active' AND NEW.organisation_id IS NOT NULL)
    EXECUTE FUNCTION ledger.guard_account_of_active();
CREATE OR REPLACE TRIGGER registry_account_made_active
    BEFORE UPDATE OF status ON public.registry_account
    FOR EACH ROW WHEN (NEW.status = 'active' AND OLD.status <> 'active'
                       AND NEW.organisation_id IS NOT NULL)
    EXECUTE FUNCTION ledger.guard_account_of_active();
CREATE OR REPLACE TRIGGER registry_account_closed
    BEFORE UPDATE OF status ON public.registry_account
    FOR EACH ROW WHEN ('closed' IN (OLD.status, NEW.status) AND OLD.status <> NEW.status)
    EXECUTE FUNCTION ledger.guard_account_closed();

CREATE OR REPLACE TRIGGER registry_commodity_zone
    BEFORE INSERT OR UPDATE OF time_zone ON public.registry_commodity
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_commodity_zone();
CREATE OR REPLACE TRIGGER registry_commodity_fixed
    BEFORE UPDATE ON public.registry_commodity
    FOR EACH ROW WHEN (
        (NEW.id, NEW.unit, NEW.unit_per_certificate, NEW.time_zone)
        IS DISTINCT FROM (OLD.id, OLD.unit, OLD.unit_per_certificate, OLD.time_zone))
    EXECUTE FUNCTION ledger.guard_commodity_fixed();

DO $triggers$
DECLARE
    v_table text;
    v_trigger record;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['organisation', 'account', 'facility', 'commodity', 'region'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER registry_%1$s_code_kept
                        BEFORE UPDATE OF code ON public.registry_%1$s
                        FOR EACH ROW WHEN (NEW.code IS DISTINCT FROM OLD.code)
                        EXECUTE FUNCTION ledger.guard_code_kept()', v_table);
    END LOOP;
    FOR v_trigger IN
        SELECT t.tgname, c.relname AS relation FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND t.tgenabled <> 'A'
          AND c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'registry\_%'
    LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER %I',
                       v_trigger.relation, v_trigger.tgname);
    END LOOP;
END
$triggers$;

RESET ROLE;
SET ROLE ledger_check;
REVOKE ALL ON FUNCTION ledger.guard_code_kept(), ledger.guard_commodity_zone(),
    ledger.guard_commodity_fixed(), ledger.guard_account_of_active(), ledger.guard_account_closed(),
    ledger.guard_organisation_own()
    FROM PUBLIC, ledger_owner;
RESET ROLE;
SET ROLE ledger_recorder;
REVOKE ALL ON FUNCTION ledger.freeze_accounts() FROM PUBLIC, ledger_owner;
RESET ROLE;
