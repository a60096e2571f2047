-- Before the guards of the requests. What was approved stands on what was opened: with history, the
-- guard stays.
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.transactions) THEN
        RAISE EXCEPTION 'The ledger holds history: it cannot be uninstalled.';
    END IF;
END
$$;
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_preview_opened() CASCADE;
RESET ROLE;
