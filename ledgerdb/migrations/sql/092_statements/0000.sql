-- Before the statements.
SET ROLE ledger_owner;
REVOKE UPDATE (claim_published) ON public.registry_request FROM portal_web;
DROP FUNCTION ledger.public_statement(text);
DROP FUNCTION ledger.check_statement(bigint);
DROP FUNCTION ledger.statement(bigint);
DROP FUNCTION ledger.statement_ranges(bigint, bigint, integer);
DROP FUNCTION ledger.statement_of(text);
DROP FUNCTION ledger.statement_reference(uuid, bigint, bytea);
DROP FUNCTION ledger.base32_check(text);
DROP FUNCTION ledger.base32_number(text);
DROP FUNCTION ledger.base32(bigint, integer);
RESET ROLE;
