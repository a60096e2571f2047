-- Before reconciliation.
SET ROLE ledger_owner;
DROP FUNCTION ledger.rebuild_derived();
DROP FUNCTION ledger.derived_drift();
DROP FUNCTION ledger.derived_heads();
DROP FUNCTION ledger.derived_balances();
DROP FUNCTION ledger.derived_leaves();
DROP FUNCTION ledger.verify_chain(integer, bigint, bigint);
DROP FUNCTION ledger.verify_links(integer, bigint, bigint, bytea, timestamptz, timestamptz);
DROP FUNCTION ledger.content_of(integer, bigint, bigint);
DROP FUNCTION ledger.verify_chain_slowly(integer, bigint, bigint);
DROP FUNCTION ledger.is_linked(ledger.transactions);
DROP FUNCTION ledger.reconcile();
DROP FUNCTION ledger.find_posting_balance();
DROP FUNCTION ledger.find_asset_conservation();
DROP FUNCTION ledger.find_balance_drift();
DROP FUNCTION ledger.find_spent_input();
DROP FUNCTION ledger.findings(jsonb[], bigint);
RESET ROLE;
