-- Before the derivation: its triggers go with it.
SET ROLE ledger_deriver;
DROP FUNCTION ledger.derive_posted() CASCADE;
DROP FUNCTION ledger.derive_created() CASCADE;
DROP FUNCTION ledger.derive_consumed() CASCADE;
DROP FUNCTION ledger.refuse_sealed(text, bigint);
RESET ROLE;
SET ROLE ledger_check;
DROP FUNCTION ledger.is_unproved();
RESET ROLE;
