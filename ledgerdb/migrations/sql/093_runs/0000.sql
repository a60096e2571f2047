-- Before the results were kept. History is not undone: refuses while there is any.
SET ROLE ledger_check;
DROP FUNCTION ledger.record_reconciliation(uuid, uuid);
RESET ROLE;
SET ROLE ledger_owner;
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.reconciliations) THEN
        RAISE EXCEPTION 'Results of reconciliation are kept: they cannot be uninstalled.';
    END IF;
END
$$;
DROP FUNCTION ledger.prove();
DROP TABLE ledger.reconciliations;
RESET ROLE;
