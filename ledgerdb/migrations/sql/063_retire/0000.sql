-- Before RETIRE.
SET ROLE ledger_writer;
DROP FUNCTION ledger_api.retire(uuid, uuid);
DROP FUNCTION ledger.plan_retire(public.registry_request, timestamptz);
RESET ROLE;
