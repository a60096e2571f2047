-- SETTLE: the common case of a transfer or a retirement, in one step: a quantity, from one block that
-- suffices.
--
-- It writes no row that it was given: every row follows from the approved request and from the block as
-- the history says it. So there is nothing left to prove of them, and the guards that prove what others
-- write (040_guards.sql) let it by: by its role, which owns this function and nothing that writes else.
-- Nothing is left for COMMIT either: the link is written here, or nothing is.
-- p_at is now, no earlier than this database transaction: it happens then, or in the past that the
-- request states, if ledger_replay executes it in a replay window (STATED_TIME, 050_checks.sql). The
-- header's guard asks the same. What it asks of the request comes before its first write, and what it does
-- not answer with yes it leaves alone: NULL, and the calling function goes the long way, which names what
-- is wrong, or handles what is rare. After that it refuses by name what no request can cause. Both ways
-- leave the same rows and the same hash.
-- Refuses, in order: CLOCK_REGRESSION, LOCK_NOT_AVAILABLE (the block passed its date while waiting for its
--     turn), as GUARD_HEADER_STAMPED, CHAIN_BROKEN (its id is not above that of the link below),
--     CLOCK_REGRESSION, LEAF_SHORTFALL, BALANCE_DRIFT (a balance is not what the last posting says).
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

-- SETTLE_FIRST: open the balance of an account that holds the commodity for the first time, and post to
-- it. Returns the balance.
-- Refuses: BALANCE_DRIFT (it has held it before).
CREATE OR REPLACE FUNCTION ledger.settle_first(
    p_transaction_id bigint, p_asset_id bigint, p_commodity_id integer, p_account_id uuid,
    p_volume bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.credits_debits p
               WHERE p.account_id = p_account_id AND p.commodity_id = p_commodity_id) THEN
        PERFORM ledger.refuse('BALANCE_DRIFT', jsonb_build_object('account', p_account_id));
    END IF;
    INSERT INTO ledger.account_balances (account_id, commodity_id, balance)
    VALUES (p_account_id, p_commodity_id, p_volume);
    INSERT INTO ledger.credits_debits
        (transaction_id, line, asset_id, commodity_id, account_id, credit, debit, balance_after)
    VALUES (p_transaction_id, 2, p_asset_id, p_commodity_id, p_account_id, p_volume, 0, p_volume);
    RETURN p_volume;
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
    v_retires boolean;
    v_submitter uuid;
    v_fingerprint text;
    v_stated_at timestamptz;
    v_at timestamptz;
    v_may boolean;
    v_rows bigint;
    -- The block, its first number to stay and how many stay, its batch's first, and until when it may be
    -- used.
    v_block bigint;
    v_asset bigint;
    v_region integer;
    v_first bigint;
    v_last bigint;
    v_cut bigint;
    v_rest bigint;
    v_batch_no bigint;
    v_until timestamptz;
    -- The link below, and the new one.
    v_newest bigint;
    v_newest_at timestamptz;
    v_below_at timestamptz;
    v_height bigint;
    v_prev_hash bytea;
    v_id bigint;
    v_occurred_at timestamptz;
    v_recorded_at timestamptz;
    v_source_after bigint;
    v_target_after bigint;
    v_more bytea;
BEGIN
    -- The request, approved by this actor, and nothing out of the common.
    SELECT r.commodity_id, r.source_id, r.target_id, r.volume, r.kind = 'retire', r.submitter_id,
           r.approved_fingerprint, r.occurred_at
    INTO v_commodity, v_source, v_target, v_volume, v_retires, v_submitter,
         v_fingerprint, v_stated_at
    FROM public.registry_request r
    WHERE r.id = p_request_id AND r.status = 'approved' AND r.kind = p_kind
      AND r.approver_id = p_actor_id AND r.volume > 0
      AND p_at IS NOT NULL
      AND r.ranges IS NULL AND r.filter_facility_id IS NULL AND r.filter_region_id IS NULL
      AND r.filter_produced_from IS NULL AND r.filter_produced_to IS NULL
      AND current_setting('ledger.lock_wait', true) IS DISTINCT FROM 'nowait'
      AND current_setting('transaction_isolation') = 'read committed'
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

    -- Four eyes, still: PEOPLE_REFUSAL (045_requests.sql). Two who may, and who are not one person: then
    -- their hashes differ.
    SELECT count(*) = 2 AND bit_xor(uuid_hash(u.person_id)) <> 0 INTO v_may
    FROM public.registry_user u
    JOIN public.registry_organisation o ON o.id = u.organisation_id
    WHERE u.id IN (v_submitter, p_actor_id) AND u.is_active AND o.status = 'active'
      AND (u.id = v_submitter OR u.role = 'approver' AND o.kind = 'registry');
    IF v_may IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    -- Both accounts, which are two, a retirement's of one organisation; and the commodity's rules.
    -- (OFFSET 0: both are locked, whatever is found of them.)
    PERFORM FROM (SELECT a.id, a.type, a.status FROM public.registry_account a
                  WHERE a.id IN (v_source, v_target) ORDER BY a.id FOR NO KEY UPDATE OFFSET 0) locked
    WHERE locked.status = 'active'
      AND locked.type = CASE WHEN v_retires AND locked.id = v_target
                             THEN 'retirement' ELSE 'trading' END;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows <> 2 THEN
        RETURN NULL;
    END IF;
    IF v_retires THEN
        SELECT count(DISTINCT a.organisation_id) INTO v_rows FROM public.registry_account a
        WHERE a.id IN (v_source, v_target);
        IF v_rows <> 1 THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT CASE WHEN v_retires THEN c.retirable WHEN p_kind = 'transfer' THEN c.transferable END
    INTO v_may
    FROM public.registry_commodity c WHERE c.id = v_commodity;
    IF v_may IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    -- The smallest block that suffices, ties by lowest number: CHOOSE_BY_VOLUME (050_checks.sql). What
    -- it says is read from the history. (One whose batch is past its date is passed over the long way.)
    SELECT i.id, i.asset_id, i.region_id, i.first_no, i.last_no, i.first_no + v_volume,
           i.volume - v_volume
    INTO v_block, v_asset, v_region, v_first, v_last, v_cut, v_rest
    FROM ledger.transaction_items i
    WHERE (i.id, i.account_id, i.volume) = (
        SELECT l.item_id, l.account_id, l.volume FROM ledger.leaves l
        WHERE l.account_id = v_source AND l.commodity_id = v_commodity AND l.volume >= v_volume
        ORDER BY l.volume, l.first_no LIMIT 1);
    SELECT a.first_no,
           CASE WHEN v_retires THEN a.expires_at ELSE least(a.expires_at, a.transferable_until) END
    INTO v_batch_no, v_until
    FROM ledger.assets a WHERE a.id = v_asset AND a.commodity_id = v_commodity;
    IF v_batch_no IS NULL OR v_until <= v_at THEN
        RETURN NULL;
    END IF;
    IF v_fingerprint <> '' THEN
        IF v_fingerprint <> ledger.settlement_fingerprint(
               v_block, v_source, v_target, v_region, v_first, v_cut, v_last) THEN
            RETURN NULL;
        END IF;
    END IF;

    -- One's turn on the commodity (OPEN_TRANSACTION); as an expression, because a PERFORM is a statement.
    v_may := pg_advisory_xact_lock(20261121, v_commodity) IS NOT NULL;
    -- The newest transaction must be linked: it is the link below. First among those of the last moment,
    -- where it nearly always is: of an index all that matches on a page is read, however few are wanted.
    IF v_stated_at IS NULL THEN
        SELECT t.id, t.occurred_at INTO v_newest, v_newest_at FROM ledger.transactions t
        WHERE t.commodity_id = v_commodity AND t.occurred_at > v_at - interval '100 ms'
        ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1;
    END IF;
    IF v_newest IS NULL THEN
        SELECT t.id, t.occurred_at INTO v_newest, v_newest_at FROM ledger.transactions t
        WHERE t.commodity_id = v_commodity ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1;
    END IF;
    SELECT c.height + 1, c.hash, c.recorded_at INTO v_height, v_prev_hash, v_below_at
    FROM ledger.chain c WHERE c.transaction_id = v_newest;
    IF v_height IS NULL OR v_newest_at > v_stated_at THEN
        RETURN NULL;
    END IF;

    -- The header, and the request: executed. Never before the newest.
    v_occurred_at := greatest(v_at, v_newest_at);
    IF v_newest_at > clock_timestamp() THEN
        PERFORM ledger.refuse('CLOCK_REGRESSION',
            jsonb_build_object('commodity', v_commodity, 'at', v_at, 'newest', v_newest_at));
    END IF;
    IF v_until <= v_occurred_at THEN
        PERFORM ledger.refuse('LOCK_NOT_AVAILABLE',
            jsonb_build_object('commodity', v_commodity, 'until', v_until, 'at', v_occurred_at));
    END IF;
    INSERT INTO ledger.transactions (kind, request_id, commodity_id, actor_id, occurred_at)
    VALUES (p_kind, p_request_id, v_commodity, p_actor_id, v_occurred_at)
    RETURNING id, recorded_at INTO v_id, v_recorded_at;
    IF v_id <= v_newest OR v_recorded_at < v_below_at THEN
        PERFORM ledger.refuse(
            CASE WHEN v_id <= v_newest THEN 'CHAIN_BROKEN' ELSE 'CLOCK_REGRESSION' END,
            jsonb_build_object('transaction', v_id, 'commodity', v_commodity));
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
        SELECT v_id, v_asset, part.account_id, v_region, part.first_no, part.last_no, part.volume,
               v_block
        FROM (VALUES (v_target, v_first, v_cut - 1, v_volume), (v_source, v_cut, v_last, v_rest))
            part (account_id, first_no, last_no, volume)
        WHERE part.volume > 0
        RETURNING id, account_id, first_no, last_no, volume
    )
    INSERT INTO ledger.leaves
        (item_id, commodity_id, account_id, asset_id, region_id, first_no, last_no, volume)
    SELECT c.id, v_commodity, c.account_id, v_asset, v_region, c.first_no, c.last_no, c.volume
    FROM created c;

    -- Both balances, and what was posted to them: a target that has none holds the commodity for the first
    -- time. A stored balance counts only if the last posting says so: while a statement runs, its own
    -- changes have not been asked about.
    WITH changed AS (
        UPDATE ledger.account_balances b
        SET balance = b.balance + CASE WHEN b.account_id = v_target THEN v_volume ELSE - v_volume END
        WHERE b.account_id IN (v_source, v_target) AND b.commodity_id = v_commodity
          AND b.balance = coalesce((
              SELECT p.balance_after FROM ledger.credits_debits p
              WHERE p.account_id = b.account_id AND p.commodity_id = v_commodity
              ORDER BY p.transaction_id DESC LIMIT 1), 0)
        RETURNING b.account_id, b.balance, b.account_id = v_target AS gains
    ), posted AS (
        INSERT INTO ledger.credits_debits
            (transaction_id, line, asset_id, commodity_id, account_id, credit, debit, balance_after)
        SELECT v_id, CASE WHEN c.gains THEN 2 ELSE 1 END, v_asset, v_commodity, c.account_id,
               CASE WHEN c.gains THEN v_volume ELSE 0 END,
               CASE WHEN c.gains THEN 0 ELSE v_volume END, c.balance
        FROM changed c
    )
    SELECT (SELECT c.balance FROM changed c WHERE NOT c.gains),
           (SELECT c.balance FROM changed c WHERE c.gains)
    INTO v_source_after, v_target_after;
    IF v_target_after IS NULL THEN
        v_target_after := ledger.settle_first(v_id, v_asset, v_commodity, v_target, v_volume);
    END IF;
    IF v_source_after IS NULL THEN
        PERFORM ledger.refuse('BALANCE_DRIFT', jsonb_build_object('account', v_source));
    END IF;

    -- The link: what TRANSACTION_CONTENT (042_chain.sql) finds in these rows.
    IF v_retires THEN
        SELECT ledger.more_content(t) INTO v_more FROM ledger.transactions t WHERE t.id = v_id;
    END IF;
    INSERT INTO ledger.chain (commodity_id, height, transaction_id, recorded_at, prev_hash, hash)
    VALUES (v_commodity, v_height, v_id, v_recorded_at, v_prev_hash,
        ledger.link_hash(v_prev_hash, v_height, ledger.whole_content(
            p_kind, p_request_id, p_actor_id, v_commodity, v_occurred_at, 1,
            CASE WHEN v_rest > 0 THEN 2 ELSE 1 END,
            ledger.block_content(v_first, v_cut - 1, v_target, v_region, v_first)
            || CASE WHEN v_rest > 0
                    THEN ledger.block_content(v_cut, v_last, v_source, v_region, v_first)
                    ELSE '' END,
            2,
            ledger.posting_content(v_source, v_commodity, v_batch_no, 0, v_volume, v_source_after)
            || ledger.posting_content(v_target, v_commodity, v_batch_no, v_volume, 0, v_target_after),
            v_more)));
    -- Who is told that it is done must find it after a power cut: CLOSE_TRANSACTION.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN v_id;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.settlement_fingerprint(bigint, uuid, uuid, integer, bigint, bigint, bigint),
    ledger.settle_first(bigint, bigint, integer, uuid, bigint),
    ledger.settle(uuid, uuid, text, timestamptz)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.settle(uuid, uuid, text, timestamptz) TO ledger_writer;

RESET ROLE;
