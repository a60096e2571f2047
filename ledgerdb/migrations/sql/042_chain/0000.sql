-- Before the hashes.
SET ROLE ledger_check;
DROP FUNCTION ledger.link_hash(bytea, bigint, bytea);
DROP FUNCTION ledger.transaction_content(ledger.transactions);
DROP FUNCTION ledger.more_content(ledger.transactions);
DROP FUNCTION ledger.look_at(ledger.transactions, uuid, uuid);
RESET ROLE;
