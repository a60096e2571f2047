-- SETTLE: the common case of a transfer or a retirement, in one step: a quantity, from one block that
-- suffices, between accounts that both have held the commodity before.
--
-- It writes no row that it was given: every row follows from the approved request and from the block as
-- the history says it. So there is nothing left to prove of them, and the guards that prove what others
-- write (040_guards.sql) let it by: by its role, which owns this function and nothing that writes else.
-- p_at is now, no earlier than this database transaction: it happens then, or in the past that the
-- request states, if ledger_replay executes it in a replay window (STATED_TIME, 050_checks.sql). The
-- header's guard asks the same. All its questions come before its first write. What it does not answer
-- with yes it leaves alone: NULL, and the calling function goes the long way, which names what is wrong,
-- or handles what is rare. Both ways leave the same rows and the same hash.
-- Refuses, in order: BALANCE_DRIFT, CLOCK_REGRESSION, LOCK_NOT_AVAILABLE (the block passed its date while
--     waiting for its turn), CLOCK_REGRESSION, LEAF_SHORTFALL.
-- Locks: the request; both accounts, in id order; the head of the commodity.

SET ROLE ledger_deriver;

-- SETTLEMENT_FINGERPRINT: that of the pieces which this cut makes: as FINGERPRINT (050_checks.sql).
CREATE OR REPLACE FUNCTION ledger.settlement_fingerprint(
    p_block_id bigint, p_source_id uuid, p_target_id uuid, p_region_id integer,
    p_first_no bigint, p_cut_no bigint, p_last_no bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN encode(sha256(
        int8send(p_block_id) || uuid_send(p_target_id) || int4send(p_region_id)
        || int8send(p_first_no) || int8send(p_cut_no - 1)
        || CASE WHEN p_cut_no > p_last_no THEN '' ELSE
               int8send(p_block_id) || uuid_send(p_source_id) || int4send(p_region_id)
               || int8send(p_cut_no) || int8send(p_last_no) END), 'hex');
END
$$;

CREATE OR REPLACE FUNCTION ledger.settle(
    p_request_id uuid, p_actor_id uuid, p_kind text, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_commodity integer;
    v_source uuid;
    v_target uuid;
    v_volume bigint;
    v_submitter uuid;
    v_fingerprint text;
    v_stated_at timestamptz;
    v_at timestamptz;
    v_may boolean;
    -- The block, its first number to stay, its batch's first, and until when it may be used.
    v_block bigint;
    v_asset bigint;
    v_region integer;
    v_first bigint;
    v_last bigint;
    v_cut bigint;
    v_batch_no bigint;
    v_until timestamptz;
    -- The link below, and the new one.
    v_newest bigint;
    v_newest_at timestamptz;
    v_below bigint;
    v_below_at timestamptz;
    v_height bigint;
    v_prev_hash bytea;
    v_id bigint;
    v_occurred_at timestamptz;
    v_recorded_at timestamptz;
    v_source_after bigint;
    v_target_after bigint;
    v_blocks bytea;
BEGIN
    -- The request, approved by this actor, and nothing out of the common.
    SELECT r.commodity_id, r.source_id, r.target_id, r.volume, r.submitter_id, r.approved_fingerprint,
           r.occurred_at
    INTO v_commodity, v_source, v_target, v_volume, v_submitter, v_fingerprint, v_stated_at
    FROM public.registry_request r
    WHERE r.id = p_request_id AND r.status = 'approved' AND r.kind = p_kind
      AND r.approver_id = p_actor_id AND r.volume > 0
      AND r.ranges IS NULL AND r.filter_facility_id IS NULL
      AND r.filter_region_id IS NULL AND r.filter_produced_from IS NULL
      AND r.filter_produced_to IS NULL
      AND current_setting('ledger.lock_wait', true) IS DISTINCT FROM 'nowait'
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    v_at := coalesce(v_stated_at, p_at);
    IF v_stated_at IS NOT NULL AND NOT (
           v_stated_at <= p_at AND session_user = 'ledger_replay'
           AND ledger.is_window_open('replay')) THEN
        RETURN NULL;
    END IF;

    -- Four eyes, still: PEOPLE_REFUSAL (045_requests.sql).
    SELECT a.is_active AND a.role = 'approver' AND ao.status = 'active' AND ao.kind = 'registry'
           AND s.is_active AND so.status = 'active' AND s.person_id <> a.person_id
    INTO v_may
    FROM public.registry_user s
    JOIN public.registry_organisation so ON so.id = s.organisation_id
    CROSS JOIN public.registry_user a
    JOIN public.registry_organisation ao ON ao.id = a.organisation_id
    WHERE s.id = v_submitter AND a.id = p_actor_id;
    IF v_may IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    -- Both accounts, which are two, a retirement's of one organisation; and the commodity's rules.
    SELECT count(*) = 2 AND bool_and(
               locked.status = 'active'
               AND locked.type = CASE WHEN p_kind = 'retire' AND locked.id = v_target
                                      THEN 'retirement' ELSE 'trading' END)
           AND count(DISTINCT locked.organisation_id) FILTER (WHERE p_kind = 'retire') < 2
    INTO v_may
    FROM (SELECT a.id, a.type, a.status, a.organisation_id FROM public.registry_account a
          WHERE a.id IN (v_source, v_target) ORDER BY a.id FOR NO KEY UPDATE) locked;
    IF v_may IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    SELECT CASE p_kind WHEN 'transfer' THEN c.transferable WHEN 'retire' THEN c.retirable END
    INTO v_may
    FROM public.registry_commodity c WHERE c.id = v_commodity;
    IF v_may IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    -- The smallest block that suffices, ties by lowest number: CHOOSE_BY_VOLUME (050_checks.sql). What
    -- it says is read from the history.
    SELECT i.id, i.asset_id, i.region_id, i.first_no, i.last_no, a.first_no,
           CASE p_kind WHEN 'transfer' THEN least(a.expires_at, a.transferable_until)
                       ELSE a.expires_at END
    INTO v_block, v_asset, v_region, v_first, v_last, v_batch_no, v_until
    FROM ledger.leaves l
    JOIN ledger.transaction_items i
        ON i.id = l.item_id AND i.account_id = l.account_id AND i.volume = l.volume
    JOIN ledger.assets a ON a.id = i.asset_id AND a.commodity_id = l.commodity_id
    WHERE l.account_id = v_source AND l.commodity_id = v_commodity AND l.volume >= v_volume
      AND (a.expires_at IS NULL OR a.expires_at > v_at)
      AND (a.transferable_until IS NULL OR a.transferable_until > v_at OR p_kind <> 'transfer')
    ORDER BY l.volume, l.first_no LIMIT 1;
    v_cut := v_first + v_volume;
    IF v_block IS NULL OR v_fingerprint <> '' AND v_fingerprint <> ledger.settlement_fingerprint(
           v_block, v_source, v_target, v_region, v_first, v_cut, v_last) THEN
        RETURN NULL;
    END IF;

    -- One's turn on the commodity (OPEN_TRANSACTION). Its newest transaction is linked: none is open.
    PERFORM pg_advisory_xact_lock(20261121, v_commodity);
    SELECT t.id, t.occurred_at INTO v_newest, v_newest_at FROM ledger.transactions t
    WHERE t.commodity_id = v_commodity ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1;
    SELECT c.height + 1, c.hash, c.recorded_at INTO v_height, v_prev_hash, v_below_at
    FROM ledger.chain c WHERE c.transaction_id = v_newest;
    IF v_height IS NULL OR v_newest_at > v_stated_at THEN
        RETURN NULL;
    END IF;

    -- The balances. An account's first of the commodity goes the long way.
    UPDATE ledger.account_balances b SET balance = b.balance + v_volume
    WHERE b.account_id = v_target AND b.commodity_id = v_commodity
    RETURNING b.balance INTO v_target_after;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE ledger.account_balances b SET balance = b.balance - v_volume
    WHERE b.account_id = v_source AND b.commodity_id = v_commodity
    RETURNING b.balance INTO v_source_after;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('BALANCE_DRIFT', jsonb_build_object('account', v_source));
    END IF;

    -- The head, the header, and the request: executed. Never before the newest, whatever the head says.
    UPDATE ledger.heads h
    SET height = v_height, occurred_at = greatest(h.occurred_at, v_at, v_newest_at)
    WHERE h.commodity_id = v_commodity
      AND h.occurred_at <= coalesce(v_stated_at, clock_timestamp())
    RETURNING h.occurred_at INTO v_occurred_at;
    IF v_occurred_at IS NULL THEN
        PERFORM ledger.refuse('CLOCK_REGRESSION',
            jsonb_build_object('commodity', v_commodity, 'at', v_at));
    END IF;
    IF v_until <= v_occurred_at THEN
        PERFORM ledger.refuse('LOCK_NOT_AVAILABLE',
            jsonb_build_object('commodity', v_commodity, 'until', v_until, 'at', v_occurred_at));
    END IF;
    INSERT INTO ledger.transactions (kind, request_id, commodity_id, actor_id, occurred_at)
    VALUES (p_kind, p_request_id, v_commodity, p_actor_id, v_occurred_at)
    RETURNING id, recorded_at INTO v_id, v_recorded_at;
    IF v_recorded_at < v_below_at THEN
        PERFORM ledger.refuse('CLOCK_REGRESSION', jsonb_build_object('commodity', v_commodity));
    END IF;
    UPDATE public.registry_request r
    SET status = 'executed', transaction_id = v_id, executed_at = v_recorded_at
    WHERE r.id = p_request_id;

    -- The block is consumed; its lowest numbers move, the others stay.
    INSERT INTO ledger.transaction_item_inputs (item_id, transaction_id) VALUES (v_block, v_id);
    DELETE FROM ledger.leaves l WHERE l.item_id = v_block;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('LEAF_SHORTFALL', jsonb_build_object('block', v_block));
    END IF;
    WITH created AS (
        INSERT INTO ledger.transaction_items
            (transaction_id, asset_id, account_id, region_id, first_no, last_no, volume, input_id)
        SELECT v_id, v_asset, v_target, v_region, v_first, v_cut - 1, v_volume, v_block
        UNION ALL
        SELECT v_id, v_asset, v_source, v_region, v_cut, v_last, v_last - v_cut + 1, v_block
        WHERE v_cut <= v_last
        RETURNING id, account_id, first_no, last_no, volume
    )
    INSERT INTO ledger.leaves
        (item_id, commodity_id, account_id, asset_id, region_id, first_no, last_no, volume)
    SELECT c.id, v_commodity, c.account_id, v_asset, v_region, c.first_no, c.last_no, c.volume
    FROM created c;
    INSERT INTO ledger.credits_debits
        (transaction_id, line, asset_id, commodity_id, account_id, credit, debit, balance_after)
    SELECT v_id, 1, v_asset, v_commodity, v_source, 0, v_volume, v_source_after
    UNION ALL
    SELECT v_id, 2, v_asset, v_commodity, v_target, v_volume, 0, v_target_after;

    -- The link: what TRANSACTION_CONTENT (042_chain.sql) finds in these rows.
    v_blocks := ledger.block_content(v_first, v_cut - 1, v_target, v_region, v_first);
    IF v_cut <= v_last THEN
        v_blocks := v_blocks || ledger.block_content(v_cut, v_last, v_source, v_region, v_first);
    END IF;
    INSERT INTO ledger.chain (commodity_id, height, transaction_id, recorded_at, prev_hash, hash)
    VALUES (v_commodity, v_height, v_id, v_recorded_at, v_prev_hash,
        ledger.link_hash(v_prev_hash, v_height, ledger.whole_content(
            p_kind, p_request_id, p_actor_id, v_commodity, v_occurred_at, 1,
            CASE WHEN v_cut <= v_last THEN 2 ELSE 1 END, v_blocks, 2,
            ledger.posting_content(v_source, v_commodity, v_batch_no, 0, v_volume, v_source_after)
            || ledger.posting_content(v_target, v_commodity, v_batch_no, v_volume, 0, v_target_after),
            CASE WHEN p_kind = 'retire' THEN ledger.more_content((
                SELECT t FROM ledger.transactions t WHERE t.id = v_id)) END)));
    -- Who is told that it is done must find it after a power cut: CLOSE_TRANSACTION.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN v_id;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.settlement_fingerprint(bigint, uuid, uuid, integer, bigint, bigint, bigint),
    ledger.settle(uuid, uuid, text, timestamptz)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.settle(uuid, uuid, text, timestamptz) TO ledger_writer;

RESET ROLE;
