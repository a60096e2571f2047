-- RUNS: the results of reconciliation, kept. The database itself proves and writes down in one call, so
-- that nobody can store a result that was not found: not the pages, which may only ask for a run, and
-- not the auditor, who only reads. Kept for good: a bad night is not to be wiped out.

SET ROLE ledger_owner;

-- One row: one run. `key` names the wish for it: asked twice, it is run once.
CREATE TABLE IF NOT EXISTS ledger.reconciliations (
    id bigint GENERATED ALWAYS AS IDENTITY,
    key uuid NOT NULL,
    asked_by uuid,                      -- the person; empty when a program asked
    login text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    ok boolean NOT NULL,
    result jsonb NOT NULL,
    CONSTRAINT reconciliations_pk PRIMARY KEY (id),
    CONSTRAINT reconciliations_key_uq UNIQUE (key)
);
CREATE INDEX IF NOT EXISTS reconciliations_time_ix ON ledger.reconciliations (started_at);

GRANT SELECT, INSERT ON ledger.reconciliations TO ledger_check;
GRANT SELECT ON ledger.reconciliations TO portal_web, ledger_auditor;

-- PROVE: everything that can be proved of the ledger, on one snapshot: the four checks, the derived
-- tables and the kept sums against the history, and every chain. Only reads, and takes no lock.
CREATE OR REPLACE FUNCTION ledger.prove() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_result jsonb := ledger.reconcile();
    v_drift jsonb := ledger.derived_drift();
    v_sums bigint := ledger.sums_drift();
    v_chains jsonb := (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'commodity', chain.code, 'height', chain.height, 'hash', chain.hash,
                   'bad_height', chain.bad_height) ORDER BY chain.code), '[]'::jsonb)
        FROM (SELECT c.code, top.height, encode(top.hash, 'hex') AS hash,
                     ledger.verify_chain(c.id) AS bad_height
              FROM public.registry_commodity c
              CROSS JOIN LATERAL (SELECT l.height, l.hash FROM ledger.chain l
                                  WHERE l.commodity_id = c.id
                                  ORDER BY l.height DESC LIMIT 1) top) chain);
BEGIN
    RETURN v_result || jsonb_build_object(
        'ok', (v_result ->> 'ok')::boolean AND (v_drift ->> 'ok')::boolean AND v_sums = 0
              AND NOT jsonb_path_exists(v_chains, '$[*].bad_height ? (@ != null)'),
        'derived_drift', v_drift,
        'sums_drift', v_sums,
        'chains', v_chains);
END
$$;

GRANT EXECUTE ON FUNCTION
    ledger.prove(), ledger.reconcile(), ledger.findings(jsonb[], bigint),
    ledger.find_spent_input(), ledger.find_balance_drift(), ledger.find_asset_conservation(),
    ledger.find_posting_balance(), ledger.derived_drift(),
    ledger.derived_leaves(), ledger.derived_balances(), ledger.derived_heads(),
    ledger.content_of(integer, bigint, bigint),
    ledger.verify_links(integer, bigint, bigint, bigint, bytea, timestamptz, timestamptz),
    ledger.is_cut_short(integer), ledger.verify_chain(integer, bigint, bigint)
TO ledger_check;

RESET ROLE;
SET ROLE ledger_check;

-- RECORD_RECONCILIATION: keep the sums of what happened since the last run (098_sums.sql), prove, and
-- keep the result; the first result of a key if it was asked before. Volatile, and its one look (PROVE)
-- is one snapshot. Sums are a convenience and the proof is not: while somebody else is keeping them it
-- goes without, and the next run keeps them.
CREATE OR REPLACE FUNCTION ledger.record_reconciliation(p_key uuid, p_asked_by uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_id bigint := (SELECT r.id FROM ledger.reconciliations r WHERE r.key = p_key);
    v_started_at timestamptz := clock_timestamp();
    v_result jsonb;
BEGIN
    IF v_id IS NOT NULL THEN
        RETURN v_id;
    END IF;
    BEGIN
        PERFORM ledger.sum_up();
    EXCEPTION WHEN lock_not_available THEN
        RAISE LOG 'reconciliation % keeps no sums: somebody else does', p_key;
    END;
    v_result := ledger.prove();
    INSERT INTO ledger.reconciliations
        (key, asked_by, login, started_at, finished_at, ok, result)
    VALUES (p_key, p_asked_by, session_user, v_started_at, clock_timestamp(),
            (v_result ->> 'ok')::boolean, v_result)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO v_id;
    RETURN coalesce(v_id, (SELECT r.id FROM ledger.reconciliations r WHERE r.key = p_key));
END
$$;
REVOKE ALL ON FUNCTION ledger.record_reconciliation(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.record_reconciliation(uuid, uuid) TO portal_web;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
GRANT EXECUTE ON FUNCTION ledger.guard_append_only() TO ledger_owner;

RESET ROLE;
SET ROLE ledger_owner;

REVOKE ALL ON FUNCTION ledger.prove() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.prove() TO portal_web, ledger_auditor;

CREATE OR REPLACE TRIGGER reconciliations_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.reconciliations
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
ALTER TABLE ledger.reconciliations ENABLE ALWAYS TRIGGER reconciliations_append_only;

RESET ROLE;
SET ROLE ledger_check;

REVOKE ALL ON FUNCTION ledger.guard_append_only() FROM PUBLIC, ledger_owner;

RESET ROLE;
