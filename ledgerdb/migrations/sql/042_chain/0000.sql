-- Before the hashes.
SET ROLE ledger_check;
DROP FUNCTION ledger.link_hash(bytea, bigint, ledger.transactions);
DROP FUNCTION ledger.transaction_content(ledger.transactions);
RESET ROLE;
