-- EXPIRE: sweep a commodity's certificates past their date out of trading accounts.
-- Consumes every unspent block past expires_at (or the first max_blocks of them, oldest first);
-- produces the same ranges in the commodity's expiry account. Posts: debit each holder, credit expiry.
-- Refuses, in order: as LOCK_REQUEST; as EVENT_TIME; ACCOUNT_NOT_FOUND (no expiry account);
--     as LOCK_ACCOUNTS; LOCK_NOT_AVAILABLE (a holder appeared meanwhile and is busy);
--     VOLUME_NOT_POSITIVE (nothing is due); PREVIEW_CHANGED; as OPEN_TRANSACTION.
-- Locks: the request; the expiry account and every holder, in id order; the head of the commodity.
--     A transfer of the same account either happened before, and its blocks are seen, or waits.

SET ROLE ledger_writer;

-- DUE_LEAVES: the unspent blocks of a commodity in trading accounts, past their date. (The batch is
-- named twice, by its numbers and by its id: so few are found through the index on numbers, and many
-- by a hash of ids, never by comparing each with each.)
CREATE OR REPLACE FUNCTION ledger.due_leaves(p_commodity_id integer, p_at timestamptz)
RETURNS TABLE (leaf ledger.leaves, expires_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT l, a.expires_at
    FROM ledger.assets a
    JOIN ledger.leaves l ON l.commodity_id = a.commodity_id
                        AND l.first_no BETWEEN a.first_no AND a.last_no
                        AND l.asset_id = a.id
    JOIN public.registry_account holder ON holder.id = l.account_id
    WHERE a.commodity_id = p_commodity_id AND a.expires_at <= p_at AND holder.type = 'trading'
$$;

-- PLAN_EXPIRE: choose the pieces. The preview and the expiry both use it.
CREATE OR REPLACE FUNCTION ledger.plan_expire(p_request public.registry_request, p_at timestamptz)
RETURNS ledger.piece[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_expiry uuid := ledger.system_account(p_request.commodity_id, 'expiry');
    v_pieces ledger.piece[];
BEGIN
    SELECT array_agg(((d.leaf).item_id, (d.leaf).asset_id, (d.leaf).account_id, v_expiry,
                      (d.leaf).region_id, (d.leaf).first_no, (d.leaf).last_no, true)::ledger.piece
                     ORDER BY (d.leaf).first_no)
    INTO v_pieces
    FROM (SELECT due.leaf FROM ledger.due_leaves(p_request.commodity_id, p_at) due
          ORDER BY due.expires_at, (due.leaf).first_no LIMIT p_request.max_blocks) d;
    IF v_pieces IS NULL THEN
        PERFORM ledger.refuse('VOLUME_NOT_POSITIVE',
            jsonb_build_object('commodity', p_request.commodity_id, 'due', 0));
    END IF;
    RETURN v_pieces;
END
$$;

-- LOCK_HOLDERS: lock the holders of what is due. Whoever received a due block while we waited is out
-- of order now: locked only if free, so that nobody can deadlock.
CREATE OR REPLACE FUNCTION ledger.lock_holders(p_commodity_id integer, p_at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_expiry uuid := ledger.system_account(p_commodity_id, 'expiry');
    v_locked uuid[];
    v_missed uuid[];
BEGIN
    SELECT array_agg(DISTINCT (due.leaf).account_id) INTO v_locked
    FROM ledger.due_leaves(p_commodity_id, p_at) due;
    v_locked := v_locked || v_expiry;
    PERFORM ledger.lock_accounts(v_locked, p_commodity_id);

    SELECT array_agg(DISTINCT (due.leaf).account_id) INTO v_missed
    FROM ledger.due_leaves(p_commodity_id, p_at) due
    WHERE (due.leaf).account_id <> ALL (v_locked);
    IF v_missed IS NOT NULL AND (
        SELECT count(*) FROM (SELECT FROM public.registry_account a WHERE a.id = ANY (v_missed)
                              ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED) taken
    ) < cardinality(v_missed) THEN
        PERFORM ledger.refuse('LOCK_NOT_AVAILABLE', jsonb_build_object('accounts', v_missed));
    END IF;
    PERFORM ledger.lock_balances(v_missed, p_commodity_id);
END
$$;

CREATE OR REPLACE FUNCTION ledger_api.expire(p_request_id uuid, p_actor_id uuid) RETURNS bigint
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
    v_request := ledger.lock_request(p_request_id, p_actor_id, 'expire');
    IF v_request.status = 'executed' THEN
        RETURN v_request.transaction_id;
    END IF;
    v_at := ledger.event_time(v_request);
    PERFORM ledger.lock_holders(v_request.commodity_id, v_at);

    v_pieces := ledger.plan_expire(v_request, v_at);
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

REVOKE ALL ON FUNCTION ledger.due_leaves(integer, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.lock_holders(integer, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger_api.expire(uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.plan_expire(public.registry_request, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_api.expire(uuid, uuid) TO ledger_service, ledger_replay;

RESET ROLE;
