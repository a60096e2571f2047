-- Before REASSIGN_REGION.
SET ROLE ledger_writer;
DROP FUNCTION ledger_api.reassign_region(uuid, uuid);
DROP FUNCTION ledger.plan_reassign_region(public.registry_request, timestamptz);
RESET ROLE;
