-- REASSIGN_REGION: let certificates count for another region. Owner, numbers and volume stay.
-- Consumes blocks in one region; produces the same ranges, in the same account, in the new region.
-- Posts: debit and credit of the same account.
-- Refuses, in order: as LOCK_REQUEST; as EVENT_TIME; as LOCK_ACCOUNTS; as CHECK_ACCOUNT for
--     the source; COMMODITY_RULE (not reassignable); REGION_NOT_ALLOWED (no target region, or a
--     quantity without the region it is in); as CHOOSE_BLOCKS; REGION_NOT_ALLOWED (no rule for
--     commodity, from, to, date); PREVIEW_CHANGED; as OPEN_TRANSACTION.
-- Locks: the request; the account; the head of the commodity.

SET ROLE ledger_writer;

-- PLAN_REASSIGN_REGION: check the rules and choose the pieces. The preview and the change both use it.
CREATE OR REPLACE FUNCTION ledger.plan_reassign_region(
    p_request public.registry_request, p_at timestamptz) RETURNS ledger.piece[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_commodity public.registry_commodity;
    v_pieces ledger.piece[];
    v_facts jsonb;
BEGIN
    PERFORM ledger.check_account(p_request.source_id, 'trading');
    SELECT * INTO v_commodity FROM public.registry_commodity c WHERE c.id = p_request.commodity_id;
    IF NOT v_commodity.reassignable THEN
        PERFORM ledger.refuse('COMMODITY_RULE',
            jsonb_build_object('commodity', p_request.commodity_id, 'rule', 'reassignable'));
    END IF;
    IF p_request.region_id IS NULL
       OR (p_request.ranges IS NULL AND p_request.filter_region_id IS NULL) THEN
        PERFORM ledger.refuse('REGION_NOT_ALLOWED',
            jsonb_build_object('from', p_request.filter_region_id, 'to', p_request.region_id));
    END IF;

    v_pieces := ledger.choose_blocks(p_request, p_at, p_request.source_id, p_request.region_id);
    SELECT jsonb_build_object('from', i.region_id, 'to', p.region_id)
    INTO v_facts
    FROM unnest(v_pieces) p JOIN ledger.transaction_items i ON i.id = p.input_id
    WHERE p.moved AND NOT EXISTS (
        SELECT FROM public.registry_regionrule rule
        WHERE rule.commodity_id = p_request.commodity_id
          AND rule.from_region_id = i.region_id AND rule.to_region_id = p.region_id
          AND (p_at AT TIME ZONE v_commodity.time_zone)::date
              BETWEEN rule.valid_from AND coalesce(rule.valid_to, 'infinity'))
    LIMIT 1;
    IF v_facts IS NOT NULL THEN
        PERFORM ledger.refuse('REGION_NOT_ALLOWED', v_facts);
    END IF;
    RETURN v_pieces;
END
$$;

CREATE OR REPLACE FUNCTION ledger_api.reassign_region(p_request_id uuid, p_actor_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    v_request public.registry_request;
    v_at timestamptz;
    v_pieces ledger.piece[];
    v_transaction ledger.transactions;
BEGIN
    SET CONSTRAINTS ALL DEFERRED;
    v_request := ledger.lock_request(p_request_id, p_actor_id, 'reassign_region');
    IF v_request.status = 'executed' THEN
        RETURN v_request.transaction_id;
    END IF;
    v_at := ledger.event_time(v_request);
    PERFORM ledger.lock_accounts(ARRAY[v_request.source_id], v_request.commodity_id);

    v_pieces := ledger.plan_reassign_region(v_request, v_at);
    IF v_request.approved_fingerprint <> '' THEN  -- none: approved by quantity, whatever the blocks
        PERFORM ledger.check_fingerprint(v_request, ledger.fingerprint(v_pieces));
    END IF;

    v_transaction := ledger.open_transaction(v_request, p_actor_id, v_at);
    PERFORM ledger.write_pieces(v_transaction, v_pieces);
    PERFORM ledger.close_transaction(v_transaction);
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN v_transaction.id;
END
$$;

REVOKE ALL ON FUNCTION ledger_api.reassign_region(uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.plan_reassign_region(public.registry_request, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_api.reassign_region(uuid, uuid) TO ledger_service, ledger_replay;

RESET ROLE;
