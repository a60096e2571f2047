SET ROLE ledger_deriver;
DROP FUNCTION ledger.settle(uuid, uuid, text, timestamptz);
DROP FUNCTION ledger.settle_first(bigint, bigint, integer, uuid, bigint);
DROP FUNCTION ledger.settlement_fingerprint(bigint, uuid, uuid, integer, bigint, bigint, bigint);
RESET ROLE;
