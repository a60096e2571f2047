-- Before the errors.
DROP TABLE ledger.error_codes;
SET ROLE ledger_owner;
DROP FUNCTION ledger.refuse(text, jsonb, text);
RESET ROLE;
