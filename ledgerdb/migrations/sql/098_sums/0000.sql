-- Before sums were kept. They follow from the history, so nothing of theirs would be lost; but undoing
-- begins here, and the history itself is not undone.
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.transactions) THEN
        RAISE EXCEPTION 'The ledger holds history: it cannot be uninstalled.';
    END IF;
END
$$;
SET ROLE ledger_owner;
DROP FUNCTION ledger.rebuild_sums();
DROP FUNCTION ledger.sums_drift();
DROP FUNCTION ledger.sum_up();
DROP FUNCTION ledger.keep_sums(integer, bigint);
DROP FUNCTION ledger.flow(integer, bigint, bigint);
DROP TABLE ledger.sums;
DROP TABLE ledger.stops;
RESET ROLE;
