-- Before the log of the reference records. Code may be undone, history never.
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.changes) THEN
        RAISE EXCEPTION 'The log holds history: it cannot be uninstalled.';
    END IF;
END
$$;
DROP TRIGGER registry_organisation_not_removed ON public.registry_organisation;
DROP TRIGGER registry_user_not_removed ON public.registry_user;
DROP TRIGGER registry_account_not_removed ON public.registry_account;
DROP TRIGGER registry_facility_not_removed ON public.registry_facility;
DROP TRIGGER registry_facilityaudit_not_removed ON public.registry_facilityaudit;
DROP TRIGGER registry_facilityaudit_append_only ON public.registry_facilityaudit;
DROP TRIGGER registry_commodity_not_removed ON public.registry_commodity;
DROP TRIGGER registry_region_not_removed ON public.registry_region;
DROP TRIGGER registry_regionrule_not_removed ON public.registry_regionrule;
SET ROLE ledger_recorder;
DROP FUNCTION ledger.record_change() CASCADE;
RESET ROLE;
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_actor() CASCADE;
RESET ROLE;
DROP TABLE ledger.changes;
