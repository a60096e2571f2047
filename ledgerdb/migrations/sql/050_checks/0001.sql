-- CHECKS: the steps that the five functions share. Together with 061 to 065 this is all of the
-- mutation logic. All run with the rights of the calling function (INVOKER) and only
-- ledger_writer may execute them.
--
-- The lock order of every mutation: the request; then accounts, in id order; then, last, the head
-- of the commodity. Equal orders cannot deadlock. Choosing blocks and reading balances come after the
-- accounts are locked, each statement on a fresh snapshot (READ COMMITTED; under a stricter level
-- PostgreSQL answers 40001 where the snapshot is stale).

SET ROLE ledger_writer;

-- IS_NOWAIT: true if contenders fail at once (`SET ledger.lock_wait = 'nowait'`); otherwise they
-- queue, bounded by lock_timeout.
CREATE OR REPLACE FUNCTION ledger.is_nowait() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('ledger.lock_wait', true) = 'nowait', false)
$$;

-- LOCK_REQUEST: lock the request and check that it may be executed now, by this actor, as this kind.
-- An executed request is returned as it is: the caller returns its first result.
-- Refuses, in order: LOCK_NOT_AVAILABLE, REQUEST_NOT_FOUND, REQUEST_KIND_MISMATCH,
--     REQUEST_NOT_APPROVED, ACTOR_NOT_AUTHORISED (not the approver), SELF_APPROVAL,
--     ACTOR_NOT_AUTHORISED (no longer an active approver or an active submitter).
CREATE OR REPLACE FUNCTION ledger.lock_request(p_request_id uuid, p_actor_id uuid, p_kind text)
RETURNS public.registry_request
LANGUAGE plpgsql AS $$
DECLARE
    v_request public.registry_request;
    v_refusal text;
BEGIN
    IF ledger.is_nowait() THEN
        SELECT * INTO v_request FROM public.registry_request r
        WHERE r.id = p_request_id FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND AND EXISTS (SELECT FROM public.registry_request r WHERE r.id = p_request_id) THEN
            PERFORM ledger.refuse('LOCK_NOT_AVAILABLE', jsonb_build_object('request', p_request_id));
        END IF;
    ELSE
        SELECT * INTO v_request FROM public.registry_request r
        WHERE r.id = p_request_id FOR NO KEY UPDATE;
    END IF;

    IF v_request.id IS NULL THEN
        PERFORM ledger.refuse('REQUEST_NOT_FOUND', jsonb_build_object('request', p_request_id));
    END IF;
    IF v_request.kind <> p_kind THEN
        PERFORM ledger.refuse('REQUEST_KIND_MISMATCH',
            jsonb_build_object('request', p_request_id, 'kind', v_request.kind, 'as', p_kind));
    END IF;
    IF v_request.status = 'executed' THEN
        RETURN v_request;
    END IF;
    IF v_request.status <> 'approved' THEN
        PERFORM ledger.refuse('REQUEST_NOT_APPROVED',
            jsonb_build_object('request', p_request_id, 'status', v_request.status));
    END IF;
    v_refusal := CASE WHEN p_actor_id IS DISTINCT FROM v_request.approver_id
                      THEN 'ACTOR_NOT_AUTHORISED'
                      ELSE ledger.people_refusal(v_request.submitter_id, v_request.approver_id, true)
                 END;
    IF v_refusal <> '' THEN
        PERFORM ledger.refuse(v_refusal,
            jsonb_build_object('request', p_request_id, 'actor', p_actor_id,
                               'approver', v_request.approver_id,
                               'submitter', v_request.submitter_id));
    END IF;
    RETURN v_request;
END
$$;

-- STATED_TIME: the past that a request states. Only ledger_replay may state one, in a replay
-- window.
-- Refuses, in order: EFFECTIVE_AT_IN_FUTURE, BACKDATING_FORBIDDEN.
CREATE OR REPLACE FUNCTION ledger.stated_time(p_request public.registry_request) RETURNS timestamptz
LANGUAGE plpgsql AS $$
BEGIN
    IF p_request.occurred_at > clock_timestamp() THEN
        PERFORM ledger.refuse('EFFECTIVE_AT_IN_FUTURE',
            jsonb_build_object('request', p_request.id, 'occurred_at', p_request.occurred_at));
    END IF;
    IF NOT (session_user = 'ledger_replay' AND ledger.is_window_open('replay')) THEN
        PERFORM ledger.refuse('BACKDATING_FORBIDDEN',
            jsonb_build_object('request', p_request.id, 'occurred_at', p_request.occurred_at,
                               'login', session_user));
    END IF;
    RETURN p_request.occurred_at;
END
$$;

-- EVENT_TIME: when the transaction happens: now, or the past that the request states if
-- ledger_replay executes it in a replay window.
-- Refuses, in order: EFFECTIVE_AT_IN_FUTURE, BACKDATING_FORBIDDEN.
CREATE OR REPLACE FUNCTION ledger.event_time(p_request public.registry_request) RETURNS timestamptz
LANGUAGE sql AS $$
    SELECT CASE WHEN p_request.occurred_at IS NULL
                THEN greatest(clock_timestamp(), transaction_timestamp())
                ELSE ledger.stated_time(p_request) END
$$;

-- LOCK_ACCOUNTS: lock accounts in id order, whatever order they are named in.
-- FOR NO KEY UPDATE, because FOR UPDATE would block other sessions' foreign keys.
-- Refuses: LOCK_NOT_AVAILABLE.
CREATE OR REPLACE FUNCTION ledger.lock_accounts(p_account_ids uuid[], p_commodity_id integer)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_locked bigint;
BEGIN
    IF ledger.is_nowait() THEN
        SELECT count(*) INTO v_locked
        FROM (SELECT FROM public.registry_account a WHERE a.id = ANY (p_account_ids)
              ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED) locked;
        IF v_locked < (SELECT count(*) FROM public.registry_account a WHERE a.id = ANY (p_account_ids))
        THEN
            PERFORM ledger.refuse('LOCK_NOT_AVAILABLE', jsonb_build_object('accounts', p_account_ids));
        END IF;
    ELSE
        PERFORM FROM public.registry_account a WHERE a.id = ANY (p_account_ids)
        ORDER BY a.id FOR NO KEY UPDATE;
    END IF;
    PERFORM ledger.lock_balances(p_account_ids, p_commodity_id);
END
$$;

-- LOCK_BALANCES: under a level stricter than READ COMMITTED, lock the balances of accounts that are
-- locked. What is read then is as old as the snapshot: a balance that changed since is a 40001 here, and
-- not a block consumed twice later.
CREATE OR REPLACE FUNCTION ledger.lock_balances(p_account_ids uuid[], p_commodity_id integer)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM FROM ledger.account_balances b
        WHERE b.account_id = ANY (p_account_ids) AND b.commodity_id = p_commodity_id
        ORDER BY b.account_id FOR NO KEY UPDATE;
    END IF;
END
$$;

-- CHECK_ACCOUNT: an account that exists, of this type, and active.
-- Refuses, in order: ACCOUNT_NOT_FOUND, ACCOUNT_TYPE_INVALID, ACCOUNT_NOT_ACTIVE.
CREATE OR REPLACE FUNCTION ledger.check_account(p_account_id uuid, p_type text)
RETURNS public.registry_account
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_account public.registry_account;
BEGIN
    SELECT * INTO v_account FROM public.registry_account a WHERE a.id = p_account_id;
    IF v_account.id IS NULL THEN
        PERFORM ledger.refuse('ACCOUNT_NOT_FOUND', jsonb_build_object('account', p_account_id));
    END IF;
    IF v_account.type <> p_type THEN
        PERFORM ledger.refuse('ACCOUNT_TYPE_INVALID',
            jsonb_build_object('account', p_account_id, 'type', v_account.type, 'needed', p_type));
    END IF;
    IF v_account.status <> 'active' THEN
        PERFORM ledger.refuse('ACCOUNT_NOT_ACTIVE',
            jsonb_build_object('account', p_account_id, 'status', v_account.status));
    END IF;
    RETURN v_account;
END
$$;

-- SYSTEM_ACCOUNT: the commodity's issuance or expiry account.
-- Refuses: ACCOUNT_NOT_FOUND.
CREATE OR REPLACE FUNCTION ledger.system_account(p_commodity_id integer, p_type text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_id uuid;
BEGIN
    SELECT a.id INTO v_id FROM public.registry_account a
    WHERE a.commodity_id = p_commodity_id AND a.type = p_type;
    IF v_id IS NULL THEN
        PERFORM ledger.refuse('ACCOUNT_NOT_FOUND',
            jsonb_build_object('commodity', p_commodity_id, 'type', p_type));
    END IF;
    RETURN v_id;
END
$$;

-- CHECK_NUMBERS_NAMED: the numbers that a request names are numbers, and as many as its quantity says,
-- if it says one as well.
-- Refuses: RANGE_INVALID.
CREATE OR REPLACE FUNCTION ledger.check_numbers_named(p_request public.registry_request) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_numbers numeric;
BEGIN
    IF isempty(p_request.ranges) OR lower_inf(p_request.ranges) OR upper_inf(p_request.ranges)
       OR lower(p_request.ranges) < 1 THEN
        PERFORM ledger.refuse('RANGE_INVALID',
            jsonb_build_object('request', p_request.id, 'ranges', p_request.ranges::text));
    END IF;
    SELECT sum(upper(part)::numeric - lower(part)) INTO v_numbers FROM unnest(p_request.ranges) part;
    IF p_request.volume <> v_numbers THEN
        PERFORM ledger.refuse('RANGE_INVALID',
            jsonb_build_object('request', p_request.id, 'volume', p_request.volume,
                               'numbers', v_numbers));
    END IF;
END
$$;

-- ELIGIBLE_LEAVES: the unspent blocks of the request's source that its kind, dates and filters allow.
CREATE OR REPLACE FUNCTION ledger.eligible_leaves(p_request public.registry_request, p_at timestamptz)
RETURNS SETOF ledger.leaves
LANGUAGE sql STABLE AS $$
    SELECT l.*
    FROM ledger.leaves l JOIN ledger.assets a ON a.id = l.asset_id
    WHERE l.account_id = (p_request).source_id AND l.commodity_id = (p_request).commodity_id
      AND (a.expires_at IS NULL OR a.expires_at > p_at)
      AND ((p_request).kind <> 'transfer' OR a.transferable_until IS NULL
           OR a.transferable_until > p_at)
      AND ((p_request).filter_facility_id IS NULL OR a.facility_id = (p_request).filter_facility_id)
      AND ((p_request).filter_region_id IS NULL OR l.region_id = (p_request).filter_region_id)
      AND ((p_request).filter_produced_from IS NULL
           OR a.production_start >= (p_request).filter_produced_from)
      AND ((p_request).filter_produced_to IS NULL
           OR a.production_end <= (p_request).filter_produced_to)
$$;

-- CHOOSE_BY_VOLUME: see CHOOSE_BLOCKS. Taken literally, smallest first would consume ever more
-- blocks per transfer; the smallest that suffices keeps it at one.
CREATE OR REPLACE FUNCTION ledger.choose_by_volume(
    p_request public.registry_request, p_at timestamptz, p_target_id uuid, p_region_id integer)
RETURNS ledger.piece[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_leaf ledger.leaves;
    v_moved ledger.piece;
    v_pieces ledger.piece[];
    v_eligible numeric;
BEGIN
    IF (p_request.volume > 0) IS NOT TRUE THEN
        PERFORM ledger.refuse('VOLUME_NOT_POSITIVE',
            jsonb_build_object('request', p_request.id, 'volume', p_request.volume));
    END IF;
    SELECT l.* INTO v_leaf FROM ledger.eligible_leaves(p_request, p_at) l
    WHERE l.volume >= p_request.volume
    ORDER BY l.volume, l.first_no LIMIT 1;

    IF v_leaf.item_id IS NOT NULL THEN
        v_moved := (v_leaf.item_id, v_leaf.asset_id, v_leaf.account_id, p_target_id,
                    coalesce(p_region_id, v_leaf.region_id), v_leaf.first_no,
                    v_leaf.first_no + p_request.volume - 1, true);
        IF v_moved.last_no = v_leaf.last_no THEN
            RETURN ARRAY[v_moved];
        END IF;
        RETURN ARRAY[v_moved,
            (v_leaf.item_id, v_leaf.asset_id, v_leaf.account_id, v_leaf.account_id,
             v_leaf.region_id, v_moved.last_no + 1, v_leaf.last_no, false)::ledger.piece];
    END IF;

    -- A block holds at least one certificate: so many blocks as certificates are always enough.
    SELECT array_agg((c.item_id, c.asset_id, c.account_id,
                      CASE WHEN part.moved THEN p_target_id ELSE c.account_id END,
                      CASE WHEN part.moved THEN coalesce(p_region_id, c.region_id)
                           ELSE c.region_id END,
                      part.first_no, part.last_no, part.moved)::ledger.piece
                     ORDER BY c.running, part.first_no),
           coalesce(sum(part.last_no - part.first_no + 1) FILTER (WHERE part.moved), 0)
    INTO v_pieces, v_eligible
    FROM (SELECT l.*, sum(l.volume) OVER (ORDER BY l.volume, l.first_no) AS running
          FROM (SELECT e.* FROM ledger.eligible_leaves(p_request, p_at) e
                ORDER BY e.volume, e.first_no LIMIT p_request.volume) l) c
    CROSS JOIN LATERAL (
        SELECT least(c.volume, p_request.volume - (c.running - c.volume))::bigint AS volume) taken
    CROSS JOIN LATERAL (VALUES
        (c.first_no, c.first_no + taken.volume - 1, true),
        (c.first_no + taken.volume, c.last_no, false)) part (first_no, last_no, moved)
    WHERE c.running - c.volume < p_request.volume AND part.first_no <= part.last_no;
    IF v_eligible < p_request.volume THEN
        PERFORM ledger.refuse_shortage(p_request, v_eligible);
    END IF;
    RETURN v_pieces;
END
$$;

-- REFUSE_SHORTAGE: say why there is not enough: the account holds too little that may be used; or
-- its blocks do not add up to its balance, which is nobody's request's fault.
-- Refuses: LEAF_SHORTFALL, INSUFFICIENT_TOTAL_BALANCE.
CREATE OR REPLACE FUNCTION ledger.refuse_shortage(p_request public.registry_request, p_eligible numeric)
RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_balance numeric := 0;
    v_unspent numeric := 0;
BEGIN
    SELECT b.balance INTO v_balance FROM ledger.account_balances b
    WHERE b.account_id = p_request.source_id AND b.commodity_id = p_request.commodity_id;
    SELECT sum(l.volume) INTO v_unspent FROM ledger.leaves l
    WHERE l.account_id = p_request.source_id AND l.commodity_id = p_request.commodity_id;
    PERFORM ledger.refuse(
        CASE WHEN coalesce(v_unspent, 0) < coalesce(v_balance, 0)
                  AND coalesce(v_balance, 0) >= p_request.volume
             THEN 'LEAF_SHORTFALL' ELSE 'INSUFFICIENT_TOTAL_BALANCE' END,
        jsonb_build_object('account', p_request.source_id, 'needed', p_request.volume,
                           'balance', coalesce(v_balance, 0), 'unspent', coalesce(v_unspent, 0),
                           'usable', p_eligible));
END
$$;

-- CHOOSE_BY_NUMBERS: see CHOOSE_BLOCKS.
CREATE OR REPLACE FUNCTION ledger.choose_by_numbers(
    p_request public.registry_request, p_at timestamptz, p_target_id uuid, p_region_id integer)
RETURNS ledger.piece[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_held ledger.leaves[];
    v_missing int8multirange;
    v_pieces ledger.piece[];
BEGIN
    PERFORM ledger.check_numbers_named(p_request);
    -- Unspent blocks never overlap: those that touch a range are the one that starts at or before
    -- its first number, and those that start inside it.
    SELECT array_agg(DISTINCT l) INTO v_held
    FROM unnest(p_request.ranges) wanted
    CROSS JOIN LATERAL (
        SELECT leaf.* FROM ledger.leaves leaf
        WHERE leaf.commodity_id = p_request.commodity_id
          AND leaf.first_no < upper(wanted)
          AND leaf.first_no >= coalesce((
              SELECT max(below.first_no) FROM ledger.leaves below
              WHERE below.commodity_id = p_request.commodity_id
                AND below.first_no <= lower(wanted)), lower(wanted))
    ) l
    WHERE l.account_id = p_request.source_id AND l.last_no >= lower(wanted);

    SELECT p_request.ranges - coalesce(range_agg(int8range(l.first_no, l.last_no, '[]')), '{}')
    INTO v_missing FROM unnest(v_held) l;
    IF NOT isempty(v_missing) THEN
        PERFORM ledger.refuse('BLOCK_NOT_HELD',
            jsonb_build_object('account', p_request.source_id, 'missing', v_missing::text));
    END IF;
    IF EXISTS (SELECT FROM unnest(v_held) l JOIN ledger.assets a ON a.id = l.asset_id
               WHERE a.expires_at <= p_at
                  OR (p_request.kind = 'transfer' AND a.transferable_until <= p_at)) THEN
        PERFORM ledger.refuse('COMMODITY_RULE',
            jsonb_build_object('request', p_request.id, 'rule', 'past its dates'));
    END IF;
    -- Filters beside numbers say what whoever asked believes of them.
    SELECT range_agg(int8range(l.first_no, l.last_no, '[]')) * p_request.ranges INTO v_missing
    FROM unnest(v_held) l JOIN ledger.assets a ON a.id = l.asset_id
    WHERE l.region_id <> p_request.filter_region_id OR a.facility_id <> p_request.filter_facility_id
       OR a.production_start < p_request.filter_produced_from
       OR a.production_end > p_request.filter_produced_to;
    IF v_missing IS NOT NULL THEN
        PERFORM ledger.refuse('NUMBERS_OUTSIDE_FILTER',
            jsonb_build_object('request', p_request.id, 'outside', v_missing::text));
    END IF;

    SELECT array_agg((l.item_id, l.asset_id, l.account_id,
                      CASE WHEN part.moved THEN p_target_id ELSE l.account_id END,
                      CASE WHEN part.moved THEN coalesce(p_region_id, l.region_id)
                           ELSE l.region_id END,
                      lower(part.numbers), upper(part.numbers) - 1, part.moved)::ledger.piece
                     ORDER BY lower(part.numbers))
    INTO v_pieces
    FROM unnest(v_held) l
    CROSS JOIN LATERAL (
        SELECT unnest(int8multirange(int8range(l.first_no, l.last_no, '[]')) * p_request.ranges)
                   AS numbers, true AS moved
        UNION ALL
        SELECT unnest(int8multirange(int8range(l.first_no, l.last_no, '[]')) - p_request.ranges),
               false
    ) part;
    RETURN v_pieces;
END
$$;

-- CHOOSE_BLOCKS: the pieces that the request moves to p_target_id (and, if given, to p_region_id),
-- and the remainders that stay. By numbers: exactly those. By quantity: the smallest block that
-- suffices; else whole blocks, smallest first, ties by lowest number, cutting only the last.
-- Refuses, in order: RANGE_INVALID, VOLUME_NOT_POSITIVE; by numbers BLOCK_NOT_HELD, COMMODITY_RULE,
--     NUMBERS_OUTSIDE_FILTER; by quantity INSUFFICIENT_TOTAL_BALANCE, LEAF_SHORTFALL.
CREATE OR REPLACE FUNCTION ledger.choose_blocks(
    p_request public.registry_request, p_at timestamptz, p_target_id uuid,
    p_region_id integer DEFAULT NULL) RETURNS ledger.piece[]
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_request.ranges IS NULL
                THEN ledger.choose_by_volume(p_request, p_at, p_target_id, p_region_id)
                ELSE ledger.choose_by_numbers(p_request, p_at, p_target_id, p_region_id) END
$$;

-- FINGERPRINT: one value for "these blocks, cut like this, to these accounts and regions".
CREATE OR REPLACE FUNCTION ledger.fingerprint(p_pieces ledger.piece[]) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN encode(sha256((
        SELECT string_agg(int8send(p.input_id) || uuid_send(p.to_account) || int4send(p.region_id)
                          || int8send(p.first_no) || int8send(p.last_no), ''::bytea
                          ORDER BY p.first_no)
        FROM unnest(p_pieces) p)), 'hex');
END
$$;

-- CHECK_FINGERPRINT: what would be done is what the approver was shown.
-- Refuses: PREVIEW_CHANGED.
CREATE OR REPLACE FUNCTION ledger.check_fingerprint(
    p_request public.registry_request, p_fingerprint text) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_request.approved_fingerprint <> p_fingerprint THEN
        PERFORM ledger.refuse('PREVIEW_CHANGED',
            jsonb_build_object('request', p_request.id, 'approved', p_request.approved_fingerprint,
                               'now', p_fingerprint));
    END IF;
END
$$;

-- LOCK_HEAD_NOWAIT: take one's turn on a commodity if it is free.
-- Refuses: LOCK_NOT_AVAILABLE.
CREATE OR REPLACE FUNCTION ledger.lock_head_nowait(p_commodity_id integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger.heads h WHERE h.commodity_id = p_commodity_id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND OR NOT pg_try_advisory_xact_lock(20261121, p_commodity_id) THEN
        PERFORM ledger.refuse('LOCK_NOT_AVAILABLE', jsonb_build_object('commodity', p_commodity_id));
    END IF;
END
$$;

-- OPEN_TRANSACTION: lock the commodity's head and write the transaction's header. From here to
-- COMMIT this is the commodity's only writer. Transactions that overtook each other before the lock
-- are dated in the order in which they got it: occurred_at never decreases along a chain. Whatever
-- the rules allow ends at a midnight of the commodity: a transaction that was overtaken across one was
-- checked for the day before, and is to be tried again.
-- An advisory lock stands for the head: who waits for a row keeps its page in use, and its old versions
-- from being removed. (Nobody else may take advisory locks: 000_bootstrap.sql.)
-- Refuses, in order: LOCK_NOT_AVAILABLE, CLOCK_REGRESSION, LOCK_NOT_AVAILABLE (overtaken across
--     midnight).
CREATE OR REPLACE FUNCTION ledger.open_transaction(
    p_request public.registry_request, p_actor_id uuid, p_at timestamptz)
RETURNS ledger.transactions
LANGUAGE plpgsql AS $$
DECLARE
    v_newest_at timestamptz;
    v_occurred_at timestamptz;
    v_transaction ledger.transactions;
BEGIN
    IF ledger.is_nowait() THEN
        PERFORM ledger.lock_head_nowait(p_request.commodity_id);
    ELSE
        PERFORM pg_advisory_xact_lock(20261121, p_request.commodity_id);
    END IF;
    SELECT t.occurred_at INTO v_newest_at FROM ledger.transactions t
    WHERE t.commodity_id = p_request.commodity_id ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1;
    IF v_newest_at > coalesce(p_request.occurred_at, clock_timestamp()) THEN
        PERFORM ledger.refuse('CLOCK_REGRESSION',
            jsonb_build_object('commodity', p_request.commodity_id, 'at', p_at,
                               'newest', v_newest_at));
    END IF;
    v_occurred_at := greatest(v_newest_at, p_at);
    IF v_occurred_at > p_at AND (
        SELECT (v_occurred_at AT TIME ZONE c.time_zone)::date > (p_at AT TIME ZONE c.time_zone)::date
        FROM public.registry_commodity c WHERE c.id = p_request.commodity_id)
    THEN
        PERFORM ledger.refuse('LOCK_NOT_AVAILABLE',
            jsonb_build_object('commodity', p_request.commodity_id, 'checked_for', p_at,
                               'overtaken_at', v_occurred_at));
    END IF;

    INSERT INTO ledger.transactions (kind, request_id, commodity_id, actor_id, occurred_at)
    VALUES (p_request.kind, p_request.id, p_request.commodity_id, p_actor_id, v_occurred_at)
    RETURNING * INTO v_transaction;
    RETURN v_transaction;
END
$$;

-- WRITE_PIECES: consume the pieces' blocks, create the new ones, and post what moved. What is held
-- follows (035_derivation.sql).
CREATE OR REPLACE FUNCTION ledger.write_pieces(
    p_transaction ledger.transactions, p_pieces ledger.piece[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.transaction_item_inputs (item_id, transaction_id)
    SELECT DISTINCT p.input_id, p_transaction.id FROM unnest(p_pieces) p;
    INSERT INTO ledger.transaction_items
        (transaction_id, asset_id, account_id, region_id, first_no, last_no, volume, input_id)
    SELECT p_transaction.id, p.asset_id, p.to_account, p.region_id, p.first_no, p.last_no,
           p.last_no - p.first_no + 1, p.input_id
    FROM unnest(p_pieces) p;
    PERFORM ledger.post_pieces(p_transaction.id, p_transaction.commodity_id, p_pieces);
END
$$;

-- POST_PIECE: post one piece that one account gave to another.
CREATE OR REPLACE FUNCTION ledger.post_piece(
    p_transaction_id bigint, p_commodity_id integer, p_piece ledger.piece) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_from uuid := p_piece.from_account;
    v_to uuid := p_piece.to_account;
    v_volume bigint := p_piece.last_no - p_piece.first_no + 1;
BEGIN
    INSERT INTO ledger.credits_debits
        (transaction_id, line, asset_id, commodity_id, account_id, credit, debit, balance_after)
    VALUES
        (p_transaction_id, 1, p_piece.asset_id, p_commodity_id, v_from, 0, v_volume,
         coalesce((SELECT b.balance FROM ledger.account_balances b
                   WHERE b.account_id = v_from AND b.commodity_id = p_commodity_id), 0) - v_volume),
        (p_transaction_id, 2, p_piece.asset_id, p_commodity_id, v_to, v_volume, 0,
         coalesce((SELECT b.balance FROM ledger.account_balances b
                   WHERE b.account_id = v_to AND b.commodity_id = p_commodity_id), 0) + v_volume);
END
$$;

-- POST_PIECES: post what moved, per batch and account.
CREATE OR REPLACE FUNCTION ledger.post_pieces(
    p_transaction_id bigint, p_commodity_id integer, p_pieces ledger.piece[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH posted AS (
        SELECT p.asset_id, side.account_id, sum(side.credit)::bigint AS credit,
               sum(side.debit)::bigint AS debit
        FROM unnest(p_pieces) p
        CROSS JOIN LATERAL (VALUES
            (p.from_account, 0, p.last_no - p.first_no + 1),
            (p.to_account, p.last_no - p.first_no + 1, 0)) side (account_id, credit, debit)
        WHERE p.moved
        GROUP BY p.asset_id, side.account_id, side.credit > 0
    )
    INSERT INTO ledger.credits_debits
        (transaction_id, line, asset_id, commodity_id, account_id, credit, debit, balance_after)
    SELECT p_transaction_id,
           row_number() OVER (ORDER BY posted.asset_id, posted.credit > 0, posted.account_id),
           posted.asset_id, p_commodity_id, posted.account_id, posted.credit, posted.debit,
           sum(posted.credit - posted.debit) OVER (PARTITION BY posted.account_id)
           + coalesce((SELECT b.balance FROM ledger.account_balances b
                       WHERE b.account_id = posted.account_id
                         AND b.commodity_id = p_commodity_id), 0)
    FROM posted;
END
$$;

-- CLOSE_TRANSACTION: mark the request executed and add the transaction to its chain. Who is told that it
-- is done must find it after a power cut: a session that does not wait for the disk waits this time.
CREATE OR REPLACE FUNCTION ledger.close_transaction(p_transaction ledger.transactions) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    UPDATE public.registry_request r
    SET status = 'executed', transaction_id = p_transaction.id,
        executed_at = p_transaction.recorded_at
    WHERE r.id = p_transaction.request_id;
    -- Where the snapshot is stale, its next height is taken by a link that it does not show: 40001, because
    -- of ON CONFLICT. (Otherwise there is no conflict: it is this transaction's turn.)
    INSERT INTO ledger.chain (commodity_id, transaction_id)
    VALUES (p_transaction.commodity_id, p_transaction.id)
    ON CONFLICT DO NOTHING;
    RETURN p_transaction.id;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.is_nowait(),
    ledger.lock_request(uuid, uuid, text),
    ledger.event_time(public.registry_request),
    ledger.stated_time(public.registry_request),
    ledger.lock_accounts(uuid[], integer),
    ledger.lock_balances(uuid[], integer),
    ledger.check_account(uuid, text),
    ledger.system_account(integer, text),
    ledger.check_numbers_named(public.registry_request),
    ledger.eligible_leaves(public.registry_request, timestamptz),
    ledger.choose_blocks(public.registry_request, timestamptz, uuid, integer),
    ledger.choose_by_volume(public.registry_request, timestamptz, uuid, integer),
    ledger.refuse_shortage(public.registry_request, numeric),
    ledger.choose_by_numbers(public.registry_request, timestamptz, uuid, integer),
    ledger.fingerprint(ledger.piece[]),
    ledger.check_fingerprint(public.registry_request, text),
    ledger.lock_head_nowait(integer),
    ledger.open_transaction(public.registry_request, uuid, timestamptz),
    ledger.write_pieces(ledger.transactions, ledger.piece[]),
    ledger.post_piece(bigint, integer, ledger.piece),
    ledger.post_pieces(bigint, integer, ledger.piece[]),
    ledger.close_transaction(ledger.transactions)
FROM PUBLIC;

RESET ROLE;
