-- Before the reads.
SET ROLE ledger_owner;
DROP FUNCTION ledger.conservation(timestamptz);
DROP FUNCTION ledger.lineage(bigint);
DROP FUNCTION ledger.holder_of(integer, bigint, timestamptz);
DROP FUNCTION ledger.custody(integer, bigint);
DROP FUNCTION ledger.block_at(integer, bigint, bigint);
DROP FUNCTION ledger.balance_history(uuid, integer);
DROP FUNCTION ledger.holdings_as_of(uuid, timestamptz);
DROP FUNCTION ledger.position_at(integer, timestamptz);
RESET ROLE;
