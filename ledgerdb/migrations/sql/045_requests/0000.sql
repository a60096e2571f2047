-- Before the guards of the requests: their triggers go with them.
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_account_kept() CASCADE;
DROP FUNCTION ledger.guard_request_moved() CASCADE;
DROP FUNCTION ledger.guard_request_changed() CASCADE;
DROP FUNCTION ledger.guard_request_asked() CASCADE;
DROP FUNCTION ledger.check_request_key(public.registry_request);
DROP FUNCTION ledger.request_content(public.registry_request);
DROP FUNCTION ledger.check_request_change(public.registry_request, public.registry_request);
DROP FUNCTION ledger.check_request_executed(uuid, text, text, bigint, timestamptz);
DROP FUNCTION ledger.check_request_four_eyes(public.registry_request, public.registry_request);
DROP FUNCTION ledger.people_refusal(uuid, uuid, boolean);
DROP FUNCTION ledger.check_request_submitter(public.registry_request);
DROP FUNCTION ledger.check_request_frozen(public.registry_request, public.registry_request);
DROP FUNCTION ledger.check_request_transition(text, public.registry_request);
RESET ROLE;
