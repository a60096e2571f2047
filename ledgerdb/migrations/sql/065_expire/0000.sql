-- Before EXPIRE.
SET ROLE ledger_writer;
DROP FUNCTION ledger_api.expire(uuid, uuid);
DROP FUNCTION ledger.lock_holders(integer, timestamptz);
DROP FUNCTION ledger.plan_expire(public.registry_request, timestamptz);
DROP FUNCTION ledger.due_leaves(integer, timestamptz);
RESET ROLE;
