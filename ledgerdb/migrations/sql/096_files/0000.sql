-- Before the guards of files: their triggers go with them.
SET ROLE ledger_owner;
DROP TRIGGER registry_upload_kept ON public.registry_upload;
DROP TRIGGER registry_uploadrow_kept ON public.registry_uploadrow;
DROP TRIGGER registry_evidence_kept ON public.registry_evidence;
DROP TRIGGER registry_requestevidence_kept ON public.registry_requestevidence;
DELETE FROM ledger.error_codes WHERE domain = 'file' OR code = 'NUMBERS_OUTSIDE_FILTER';
RESET ROLE;
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_upload_row() CASCADE;
DROP FUNCTION ledger.guard_evidence_frozen() CASCADE;
RESET ROLE;
