-- Before the derived tables.
DROP TABLE ledger.heads, ledger.account_balances, ledger.leaves;
