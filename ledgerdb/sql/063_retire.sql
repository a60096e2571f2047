-- RETIRE: move certificates into a retirement account of the same organisation, for good, for the
-- beneficiary and the reason that the request names.
-- Consumes and produces as a transfer. Posts: debit source, credit retirement.
-- Refuses, in order: as SETTLE; as LOCK_REQUEST; as EVENT_TIME; as LOCK_ACCOUNTS; as CHECK_ACCOUNT for
--     the source; as CHECK_ACCOUNT for the target; ACCOUNT_TYPE_INVALID (another organisation's);
--     COMMODITY_RULE (not retirable); as CHOOSE_BLOCKS; PREVIEW_CHANGED; as OPEN_TRANSACTION.
-- Locks: the request; both accounts, in id order; the head of the commodity.

SET ROLE ledger_writer;

-- PLAN_RETIRE: check the rules and choose the pieces. The preview and the retirement both use it.
CREATE OR REPLACE FUNCTION ledger.plan_retire(p_request public.registry_request, p_at timestamptz)
RETURNS ledger.piece[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_source public.registry_account := ledger.check_account(p_request.source_id, 'trading');
    v_target public.registry_account := ledger.check_account(p_request.target_id, 'retirement');
BEGIN
    IF v_source.organisation_id <> v_target.organisation_id THEN
        PERFORM ledger.refuse('ACCOUNT_TYPE_INVALID',
            jsonb_build_object('account', v_target.id, 'needed', 'the same organisation''s'));
    END IF;
    IF NOT (SELECT c.retirable FROM public.registry_commodity c
            WHERE c.id = p_request.commodity_id) THEN
        PERFORM ledger.refuse('COMMODITY_RULE',
            jsonb_build_object('commodity', p_request.commodity_id, 'rule', 'retirable'));
    END IF;
    RETURN ledger.choose_blocks(p_request, p_at, p_request.target_id);
END
$$;

CREATE OR REPLACE FUNCTION ledger_api.retire(p_request_id uuid, p_actor_id uuid) RETURNS bigint
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
    v_settled := ledger.settle(p_request_id, p_actor_id, 'retire', v_now);
    IF v_settled IS NOT NULL THEN
        RETURN v_settled;
    END IF;

    SET CONSTRAINTS ALL DEFERRED;
    v_request := ledger.lock_request(p_request_id, p_actor_id, 'retire');
    IF v_request.status = 'executed' THEN
        RETURN v_request.transaction_id;
    END IF;
    v_at := CASE WHEN v_request.occurred_at IS NULL THEN v_now ELSE ledger.event_time(v_request) END;
    PERFORM ledger.lock_accounts(
        ARRAY[v_request.source_id, v_request.target_id], v_request.commodity_id);

    v_pieces := ledger.plan_retire(v_request, v_at);
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

REVOKE ALL ON FUNCTION ledger_api.retire(uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.plan_retire(public.registry_request, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_api.retire(uuid, uuid) TO ledger_service, ledger_replay;

RESET ROLE;
