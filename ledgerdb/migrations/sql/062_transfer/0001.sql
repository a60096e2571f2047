-- TRANSFER: move certificates from one trading account to another.
-- Consumes blocks of the source; produces blocks in the target, and the remainder of the last one
-- in the source. Posts: debit source, credit target.
-- Refuses, in order: as SETTLE; as LOCK_REQUEST; as EVENT_TIME; as LOCK_ACCOUNTS; SAME_ACCOUNT;
--     as CHECK_ACCOUNT for the source; as CHECK_ACCOUNT for the target; COMMODITY_RULE (not
--     transferable); as CHOOSE_BLOCKS; PREVIEW_CHANGED; as OPEN_TRANSACTION.
-- Locks: the request; both accounts, in id order; the head of the commodity.

SET ROLE ledger_writer;

-- PLAN_TRANSFER: check the rules and choose the pieces. The preview and the transfer both use it.
CREATE OR REPLACE FUNCTION ledger.plan_transfer(p_request public.registry_request, p_at timestamptz)
RETURNS ledger.piece[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_may boolean;
BEGIN
    SELECT source.type = 'trading' AND source.status = 'active'
           AND target.type = 'trading' AND target.status = 'active'
           AND source.id <> target.id AND c.transferable
    INTO v_may
    FROM public.registry_account source, public.registry_account target, public.registry_commodity c
    WHERE source.id = p_request.source_id AND target.id = p_request.target_id
      AND c.id = p_request.commodity_id;
    IF v_may IS NOT TRUE THEN  -- why not
        PERFORM ledger.refuse_transfer(p_request);
    END IF;
    RETURN ledger.choose_blocks(p_request, p_at, p_request.target_id);
END
$$;

-- REFUSE_TRANSFER: say why a transfer is not allowed.
-- Refuses, in order: SAME_ACCOUNT; as CHECK_ACCOUNT for the source; as CHECK_ACCOUNT for the target;
--     COMMODITY_RULE.
CREATE OR REPLACE FUNCTION ledger.refuse_transfer(p_request public.registry_request) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_request.source_id = p_request.target_id THEN
        PERFORM ledger.refuse('SAME_ACCOUNT', jsonb_build_object('account', p_request.source_id));
    END IF;
    PERFORM ledger.check_account(p_request.source_id, 'trading');
    PERFORM ledger.check_account(p_request.target_id, 'trading');
    PERFORM ledger.refuse('COMMODITY_RULE',
        jsonb_build_object('commodity', p_request.commodity_id, 'rule', 'transferable'));
END
$$;

CREATE OR REPLACE FUNCTION ledger_api.transfer(p_request_id uuid, p_actor_id uuid) RETURNS bigint
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
    v_settled bigint;
    v_now timestamptz := greatest(clock_timestamp(), transaction_timestamp());
BEGIN
    v_settled := ledger.settle(p_request_id, p_actor_id, 'transfer', v_now);
    IF v_settled IS NOT NULL THEN
        RETURN v_settled;
    END IF;

    SET CONSTRAINTS ALL DEFERRED;
    v_request := ledger.lock_request(p_request_id, p_actor_id, 'transfer');
    IF v_request.status = 'executed' THEN
        RETURN v_request.transaction_id;
    END IF;
    v_at := CASE WHEN v_request.occurred_at IS NULL THEN v_now ELSE ledger.event_time(v_request) END;
    PERFORM ledger.lock_accounts(
        ARRAY[v_request.source_id, v_request.target_id], v_request.commodity_id);

    v_pieces := ledger.plan_transfer(v_request, v_at);
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

REVOKE ALL ON FUNCTION ledger_api.transfer(uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.plan_transfer(public.registry_request, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.refuse_transfer(public.registry_request) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_api.transfer(uuid, uuid) TO ledger_service, ledger_replay;

RESET ROLE;
