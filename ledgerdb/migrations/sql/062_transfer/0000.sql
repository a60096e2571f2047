-- Before TRANSFER.
SET ROLE ledger_writer;
DROP FUNCTION ledger_api.transfer(uuid, uuid);
DROP FUNCTION ledger.refuse_transfer(public.registry_request);
DROP FUNCTION ledger.plan_transfer(public.registry_request, timestamptz);
RESET ROLE;
