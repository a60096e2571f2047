-- Before the guards of the requests: their triggers go with them.
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_account_kept() CASCADE;
DROP FUNCTION ledger.request_content(public.registry_request) CASCADE;
DROP FUNCTION ledger.guard_request_key() CASCADE;
DROP FUNCTION ledger.guard_request_executed() CASCADE;
DROP FUNCTION ledger.guard_request_four_eyes() CASCADE;
DROP FUNCTION ledger.people_refusal(uuid, uuid, boolean) CASCADE;
DROP FUNCTION ledger.guard_request_submitter() CASCADE;
DROP FUNCTION ledger.guard_request_frozen() CASCADE;
DROP FUNCTION ledger.guard_request_transition() CASCADE;
RESET ROLE;
