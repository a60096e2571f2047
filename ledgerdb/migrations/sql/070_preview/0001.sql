-- PREVIEW: what a request would do if it were executed now: the same checks and the same choice as the
-- execution, on one snapshot, without a lock and without a write.
-- Takes a draft, a submitted or an approved request. Answers
--     {"consumed": [...], "created": [...], "postings": [...], "balances": [...], "fingerprint": "…"}.
-- Refuses, in order: REQUEST_NOT_FOUND; REQUEST_TRANSITION_INVALID (already decided otherwise); then
--     as the function of its kind from its plan on.
-- Locks: nothing.

SET ROLE ledger_writer;

CREATE OR REPLACE FUNCTION ledger_api.preview(p_request_id uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    v_request public.registry_request;
    v_at timestamptz;
BEGIN
    SELECT * INTO v_request FROM public.registry_request r WHERE r.id = p_request_id;
    IF v_request.id IS NULL THEN
        PERFORM ledger.refuse('REQUEST_NOT_FOUND', jsonb_build_object('request', p_request_id));
    END IF;
    IF v_request.status NOT IN ('draft', 'submitted', 'approved') THEN
        PERFORM ledger.refuse('REQUEST_TRANSITION_INVALID',
            jsonb_build_object('request', p_request_id, 'status', v_request.status));
    END IF;
    v_at := coalesce(v_request.occurred_at, statement_timestamp());
    RETURN CASE v_request.kind
        WHEN 'mint' THEN ledger.preview_of_mint(v_request, v_at)
        WHEN 'transfer' THEN
            ledger.preview_of_pieces(v_request, ledger.plan_transfer(v_request, v_at))
        WHEN 'retire' THEN
            ledger.preview_of_pieces(v_request, ledger.plan_retire(v_request, v_at))
        WHEN 'reassign_region' THEN
            ledger.preview_of_pieces(v_request, ledger.plan_reassign_region(v_request, v_at))
        WHEN 'expire' THEN
            ledger.preview_of_pieces(v_request, ledger.plan_expire(v_request, v_at))
        END;
END
$$;

-- PREVIEW_OF_PIECES: describe the pieces of a request that consumes blocks.
CREATE OR REPLACE FUNCTION ledger.preview_of_pieces(
    p_request public.registry_request, p_pieces ledger.piece[]) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_consumed jsonb;
    v_created jsonb;
    v_postings jsonb;
    v_balances jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('block', i.id, 'asset', i.asset_id, 'account', i.account_id,
               'region', i.region_id, 'first', i.first_no, 'last', i.last_no, 'volume', i.volume)
               ORDER BY i.first_no)
    INTO v_consumed
    FROM ledger.transaction_items i
    WHERE i.id IN (SELECT p.input_id FROM unnest(p_pieces) p);

    SELECT jsonb_agg(jsonb_build_object('input', p.input_id, 'asset', p.asset_id,
               'account', p.to_account, 'region', p.region_id, 'first', p.first_no,
               'last', p.last_no, 'volume', p.last_no - p.first_no + 1, 'moved', p.moved)
               ORDER BY p.first_no)
    INTO v_created
    FROM unnest(p_pieces) p;

    WITH sides AS (
        SELECT p.from_account AS account, 0 AS credit, p.last_no - p.first_no + 1 AS debit
        FROM unnest(p_pieces) p WHERE p.moved
        UNION ALL
        SELECT p.to_account, p.last_no - p.first_no + 1, 0 FROM unnest(p_pieces) p WHERE p.moved
    ), posted AS (
        SELECT s.account, sum(s.credit)::bigint AS credit, sum(s.debit)::bigint AS debit
        FROM sides s GROUP BY s.account
    )
    SELECT jsonb_agg(jsonb_build_object('account', p.account, 'debit', p.debit, 'credit', p.credit)
                     ORDER BY p.credit > 0, p.account),
           jsonb_agg(jsonb_build_object('account', p.account, 'before', coalesce(b.balance, 0),
                                        'after', coalesce(b.balance, 0) + p.credit - p.debit)
                     ORDER BY p.credit > 0, p.account)
    INTO v_postings, v_balances
    FROM posted p
    LEFT JOIN ledger.account_balances b
           ON b.account_id = p.account AND b.commodity_id = p_request.commodity_id;

    RETURN jsonb_build_object('consumed', v_consumed, 'created', v_created, 'postings', v_postings,
                              'balances', v_balances, 'fingerprint', ledger.fingerprint(p_pieces));
END
$$;

-- PREVIEW_OF_MINT: describe the batch that would be issued, with the numbers that are next now.
CREATE OR REPLACE FUNCTION ledger.preview_of_mint(
    p_request public.registry_request, p_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_issuance uuid := ledger.system_account(p_request.commodity_id, 'issuance');
    v_batch ledger.assets := ledger.plan_mint(p_request, p_at);
    v_first bigint := coalesce((SELECT h.next_no FROM ledger.heads h
                                WHERE h.commodity_id = p_request.commodity_id), 1);
    v_balances jsonb;
BEGIN
    PERFORM ledger.check_numbers(v_batch.volume, v_first);
    SELECT jsonb_agg(jsonb_build_object('account', side.account_id,
               'before', coalesce(b.balance, 0), 'after', coalesce(b.balance, 0) + side.moved)
               ORDER BY side.moved)
    INTO v_balances
    FROM (VALUES (v_issuance, -v_batch.volume), (p_request.target_id, v_batch.volume))
         side (account_id, moved)
    LEFT JOIN ledger.account_balances b
           ON b.account_id = side.account_id AND b.commodity_id = p_request.commodity_id;

    RETURN jsonb_build_object(
        'consumed', '[]'::jsonb,
        'created', jsonb_build_array(jsonb_build_object('input', NULL, 'asset', NULL,
            'account', p_request.target_id, 'region', v_batch.region_id, 'first', v_first,
            'last', v_first + v_batch.volume - 1, 'volume', v_batch.volume, 'moved', true)),
        'postings', jsonb_build_array(
            jsonb_build_object('account', v_issuance, 'debit', v_batch.volume, 'credit', 0),
            jsonb_build_object('account', p_request.target_id, 'debit', 0,
                               'credit', v_batch.volume)),
        'balances', v_balances,
        'fingerprint', ledger.mint_fingerprint(v_batch, p_request.target_id));
END
$$;

REVOKE ALL ON FUNCTION ledger_api.preview(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.preview_of_pieces(public.registry_request, ledger.piece[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.preview_of_mint(public.registry_request, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_api.preview(uuid) TO ledger_service, ledger_replay, portal_web;

RESET ROLE;
