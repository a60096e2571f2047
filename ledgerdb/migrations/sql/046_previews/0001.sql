-- PREVIEWS: who opened which preview, and that an approval follows from one. Django's tables; written
-- once and never changed.

SET ROLE ledger_check;

-- GUARD_PREVIEW_OPENED: an approval that carries a fingerprint is of a preview that this approver
-- opened. (One without a fingerprint is of a quantity, and nobody looked at blocks.)
-- Refuses: PREVIEW_NOT_OPENED.
CREATE OR REPLACE FUNCTION ledger.guard_preview_opened() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.approved_fingerprint <> '' AND NOT EXISTS (
        SELECT FROM public.registry_previewopening p
        WHERE p.request_id = NEW.id AND p.person_id = NEW.approver_id
          AND p.fingerprint = NEW.approved_fingerprint
    ) THEN
        PERFORM ledger.refuse('PREVIEW_NOT_OPENED',
            jsonb_build_object('request', NEW.id, 'approver', NEW.approver_id,
                               'fingerprint', NEW.approved_fingerprint), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
GRANT EXECUTE ON FUNCTION ledger.guard_preview_opened() TO ledger_owner;

RESET ROLE;
SET ROLE ledger_owner;

-- Not for the execution, which leaves the fingerprint alone.
CREATE OR REPLACE TRIGGER registry_request_preview_opened
    BEFORE INSERT OR UPDATE OF approved_fingerprint ON public.registry_request
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_preview_opened();
ALTER TABLE public.registry_request ENABLE ALWAYS TRIGGER registry_request_preview_opened;

GRANT SELECT ON public.registry_previewopening TO ledger_check;
REVOKE UPDATE, DELETE ON public.registry_previewopening FROM portal_web;
REVOKE UPDATE, DELETE ON public.registry_decisionround FROM portal_web;

RESET ROLE;
SET ROLE ledger_check;
REVOKE ALL ON FUNCTION ledger.guard_preview_opened() FROM PUBLIC, ledger_owner;

RESET ROLE;
