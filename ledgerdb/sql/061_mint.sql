-- MINT: issue certificates for what a facility produced.
-- Consumes nothing; produces one block over newly allocated numbers in a trading account. Posts: debit
-- issuance, credit holder.
-- Refuses, in order: as LOCK_REQUEST; as EVENT_TIME; ACCOUNT_NOT_FOUND (no issuance account); as
--     LOCK_ACCOUNTS; as CHECK_ACCOUNT for the target; VOLUME_NOT_POSITIVE; RANGE_INVALID (production
--     period; in the future); FACILITY_NOT_ACTIVE; PRODUCTION_PERIOD_OVERLAP (or its
--     serial in the system it comes from was issued before); PREVIEW_CHANGED;
--     as OPEN_TRANSACTION; VOLUME_OVERFLOW.
-- Locks: the request; the issuance account and the target, in id order (so mints of one commodity
--     queue, and an overlap cannot slip between two); the head of the commodity.

SET ROLE ledger_writer;

-- PLAN_MINT: check the rules and describe the batch, still without numbers. The preview and the mint
-- both use it.
CREATE OR REPLACE FUNCTION ledger.plan_mint(p_request public.registry_request, p_at timestamptz)
RETURNS ledger.assets
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_commodity public.registry_commodity;
    v_facility public.registry_facility;
    v_batch ledger.assets;
    v_clash bigint;
    v_period_ends timestamp;
BEGIN
    PERFORM ledger.check_account(p_request.target_id, 'trading');
    IF p_request.volume IS NULL OR p_request.volume <= 0 THEN
        PERFORM ledger.refuse('VOLUME_NOT_POSITIVE',
            jsonb_build_object('request', p_request.id, 'volume', p_request.volume));
    END IF;
    SELECT * INTO v_commodity FROM public.registry_commodity c WHERE c.id = p_request.commodity_id;
    IF p_request.production_start IS NULL OR p_request.production_end IS NULL
       OR p_request.production_start > p_request.production_end
       OR p_request.production_end > (p_at AT TIME ZONE v_commodity.time_zone)::date THEN
        PERFORM ledger.refuse('RANGE_INVALID',
            jsonb_build_object('request', p_request.id, 'from', p_request.production_start,
                               'to', p_request.production_end));
    END IF;
    SELECT * INTO v_facility FROM public.registry_facility f WHERE f.id = p_request.facility_id;
    IF v_facility.status IS DISTINCT FROM 'active' THEN
        PERFORM ledger.refuse('FACILITY_NOT_ACTIVE',
            jsonb_build_object('facility', p_request.facility_id, 'status', v_facility.status));
    END IF;
    IF NOT v_commodity.periods_may_overlap THEN
        SELECT a.id INTO v_clash FROM ledger.assets a
        WHERE a.facility_id = p_request.facility_id AND a.commodity_id = p_request.commodity_id
          AND a.production_start <= p_request.production_end
          AND a.production_end >= p_request.production_start
          AND a.production_start >= p_request.production_start - (
              SELECT l.production_end - l.production_start AS days FROM ledger.assets l
              WHERE l.facility_id = p_request.facility_id
                AND l.commodity_id = p_request.commodity_id
              ORDER BY days DESC LIMIT 1)
        ORDER BY a.production_start DESC LIMIT 1;
        IF v_clash IS NOT NULL THEN
            PERFORM ledger.refuse('PRODUCTION_PERIOD_OVERLAP',
                jsonb_build_object('facility', p_request.facility_id, 'batch', v_clash));
        END IF;
    END IF;

    SELECT a.id INTO v_clash FROM ledger.assets a
    WHERE a.commodity_id = p_request.commodity_id AND a.source_serial = p_request.source_serial
    LIMIT 1;
    IF v_clash IS NOT NULL THEN
        PERFORM ledger.refuse('PRODUCTION_PERIOD_OVERLAP',
            jsonb_build_object('source_serial', p_request.source_serial, 'batch', v_clash));
    END IF;

    v_period_ends := p_request.production_end + 1;
    v_batch.commodity_id := p_request.commodity_id;
    v_batch.facility_id := p_request.facility_id;
    v_batch.region_id := coalesce(p_request.region_id, v_facility.region_id);
    v_batch.production_start := p_request.production_start;
    v_batch.production_end := p_request.production_end;
    v_batch.volume := p_request.volume;
    v_batch.transferable_until :=
        (v_period_ends + make_interval(months => v_commodity.months_transferable))
        AT TIME ZONE v_commodity.time_zone;
    v_batch.expires_at :=
        (v_period_ends + make_interval(months => v_commodity.months_to_expiry))
        AT TIME ZONE v_commodity.time_zone;
    v_batch.source_serial := nullif(p_request.source_serial, '');
    RETURN v_batch;
END
$$;

-- MINT_FINGERPRINT: one value for what would be issued. Numbers are not part of it: which ones
-- follow next is known only when they are allocated.
CREATE OR REPLACE FUNCTION ledger.mint_fingerprint(p_batch ledger.assets, p_target_id uuid) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN encode(sha256(convert_to(jsonb_build_object(
        'facility', p_batch.facility_id, 'region', p_batch.region_id, 'target', p_target_id,
        'from', p_batch.production_start, 'to', p_batch.production_end, 'volume', p_batch.volume,
        'transferable_until', extract(epoch FROM p_batch.transferable_until),
        'expires_at', extract(epoch FROM p_batch.expires_at))::text, 'UTF8')), 'hex');
END
$$;

-- CHECK_NUMBERS: there are this many numbers left from the next one on.
-- Refuses: VOLUME_OVERFLOW.
CREATE OR REPLACE FUNCTION ledger.check_numbers(p_volume bigint, p_next_no bigint) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_volume > 9223372036854775806 - p_next_no THEN
        PERFORM ledger.refuse('VOLUME_OVERFLOW',
            jsonb_build_object('volume', p_volume, 'next', p_next_no));
    END IF;
END
$$;

-- WRITE_BATCH: allocate the numbers and write the batch, its one block and its two postings.
-- Refuses: VOLUME_OVERFLOW.
CREATE OR REPLACE FUNCTION ledger.write_batch(
    p_transaction ledger.transactions, p_batch ledger.assets, p_issuance_id uuid, p_target_id uuid)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_first bigint;
    v_last bigint;
    v_asset_id bigint;
BEGIN
    SELECT h.next_no INTO v_first FROM ledger.heads h WHERE h.commodity_id = p_batch.commodity_id;
    PERFORM ledger.check_numbers(p_batch.volume, v_first);
    v_last := v_first + p_batch.volume - 1;
    UPDATE ledger.heads h SET next_no = v_last + 1 WHERE h.commodity_id = p_batch.commodity_id;

    INSERT INTO ledger.assets
        (transaction_id, commodity_id, facility_id, region_id, production_start, production_end,
         first_no, last_no, volume, transferable_until, expires_at, source_serial)
    VALUES
        (p_transaction.id, p_batch.commodity_id, p_batch.facility_id, p_batch.region_id,
         p_batch.production_start, p_batch.production_end, v_first, v_last, p_batch.volume,
         p_batch.transferable_until, p_batch.expires_at, p_batch.source_serial)
    RETURNING id INTO v_asset_id;
    INSERT INTO ledger.transaction_items
        (transaction_id, asset_id, account_id, region_id, first_no, last_no, volume)
    VALUES (p_transaction.id, v_asset_id, p_target_id, p_batch.region_id, v_first, v_last,
            p_batch.volume);

    PERFORM ledger.post_piece(p_transaction.id, p_batch.commodity_id,
        (NULL, v_asset_id, p_issuance_id, p_target_id, p_batch.region_id, v_first, v_last,
         true)::ledger.piece);
END
$$;

CREATE OR REPLACE FUNCTION ledger_api.mint(p_request_id uuid, p_actor_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    v_request public.registry_request;
    v_at timestamptz;
    v_issuance uuid;
    v_batch ledger.assets;
    v_transaction ledger.transactions;
BEGIN
    SET CONSTRAINTS ALL DEFERRED;
    v_request := ledger.lock_request(p_request_id, p_actor_id, 'mint');
    IF v_request.status = 'executed' THEN
        RETURN v_request.transaction_id;
    END IF;
    v_at := ledger.event_time(v_request);
    v_issuance := ledger.system_account(v_request.commodity_id, 'issuance');
    PERFORM ledger.lock_accounts(ARRAY[v_issuance, v_request.target_id], v_request.commodity_id);

    v_batch := ledger.plan_mint(v_request, v_at);
    IF v_request.approved_fingerprint <> '' THEN
        PERFORM ledger.check_fingerprint(
            v_request, ledger.mint_fingerprint(v_batch, v_request.target_id));
    END IF;
    INSERT INTO ledger.heads (commodity_id) VALUES (v_request.commodity_id) ON CONFLICT DO NOTHING;

    v_transaction := ledger.open_transaction(v_request, p_actor_id, v_at);
    PERFORM ledger.write_batch(v_transaction, v_batch, v_issuance, v_request.target_id);
    PERFORM ledger.close_transaction(v_transaction);
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN v_transaction.id;
END
$$;

REVOKE ALL ON FUNCTION ledger.check_numbers(bigint, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.mint_fingerprint(ledger.assets, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.write_batch(ledger.transactions, ledger.assets, uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger_api.mint(uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.plan_mint(public.registry_request, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_api.mint(uuid, uuid) TO ledger_service, ledger_replay;

RESET ROLE;
