-- Before the tables. Code may be undone, history never.
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.transactions) THEN
        RAISE EXCEPTION 'The ledger holds history: it cannot be uninstalled.';
    END IF;
END
$$;
DROP TABLE ledger.chain, ledger.credits_debits, ledger.transaction_item_inputs,
    ledger.transaction_items, ledger.assets, ledger.transactions;
DROP FUNCTION ledger.is_balance(bigint, boolean), ledger.is_posting(bigint, bigint),
    ledger.is_range(bigint, bigint, bigint);
