-- Before the hashes.
SET ROLE ledger_check;
DROP FUNCTION ledger.link_hash(bytea, bigint, bytea);
DROP FUNCTION ledger.transaction_content(ledger.transactions);
DROP FUNCTION ledger.more_content(ledger.transactions);
DROP FUNCTION ledger.whole_content(
    text, uuid, uuid, integer, timestamptz, bigint, bigint, bytea, bigint, bytea, bytea);
DROP FUNCTION ledger.posting_content(uuid, integer, bigint, bigint, bigint, bigint);
DROP FUNCTION ledger.block_content(bigint, bigint, uuid, integer, bigint);
RESET ROLE;
