-- Before the guards of the reference records: their triggers go with them.
SET ROLE ledger_recorder;
DROP FUNCTION ledger.freeze_accounts() CASCADE;
RESET ROLE;
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_organisation_own() CASCADE;
DROP FUNCTION ledger.guard_account_closed() CASCADE;
DROP FUNCTION ledger.guard_account_of_active() CASCADE;
DROP FUNCTION ledger.guard_commodity_fixed() CASCADE;
DROP FUNCTION ledger.guard_commodity_zone() CASCADE;
DROP FUNCTION ledger.guard_code_kept() CASCADE;
RESET ROLE;
REVOKE UPDATE (ledger_lock) ON public.registry_account, public.registry_organisation
    FROM ledger_check;
REVOKE SELECT (id, organisation_id, status), UPDATE (status)
    ON public.registry_account FROM ledger_recorder;
