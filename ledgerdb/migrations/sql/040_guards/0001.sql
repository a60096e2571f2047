-- GUARDS: what holds whoever writes: the five functions, injected code, the owner, a superuser under
-- session_replication_role = replica (every trigger is ENABLE ALWAYS).
--
-- Each guard has one job and one refusal. All are SECURITY DEFINER, owned by ledger_check (which may
-- only SELECT), with a pinned search_path, and nobody may EXECUTE them: firing needs no right, and a
-- guard attached to a stranger's table would run with the guard's rights.
--
-- Four moments. BEFORE ROW: stamps. AFTER STATEMENT: one look at all rows of a statement, however many.
-- WHEN LINKED: one look at a whole transaction, as it joins its chain. AT COMMIT: whether it did, through
-- a deferred trigger on its header; the functions bring it forward with SET CONSTRAINTS ALL IMMEDIATE.
-- SETTLE (055_settle.sql) is let by where a WHEN clause asks ledger.is_unproved.
-- No guard relies on the order in which triggers fire.

SET ROLE ledger_check;

-- ---------------------------------------------------------------------------------------------
-- History is never rewritten.

-- GUARD_APPEND_ONLY: no row of a canonical table is updated, deleted or truncated.
-- Refuses: APPEND_ONLY_VIOLATION.
CREATE OR REPLACE FUNCTION ledger.guard_append_only() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.refuse('APPEND_ONLY_VIOLATION',
        jsonb_build_object('table', tg_table_name, 'command', tg_op), tg_name);
    RETURN NULL;
END
$$;

-- GUARD_BATCH_SEALED: a batch joins only a transaction opened in this same database transaction and not
-- yet in its chain. (Its other rows: 035_derivation.sql.)
-- Refuses: TRANSACTION_SEALED.
CREATE OR REPLACE FUNCTION ledger.guard_batch_sealed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.transactions t
                   WHERE t.id = NEW.transaction_id AND t.written_in = pg_current_xact_id()
                     AND t.recorded_at >= transaction_timestamp()
                     AND NOT EXISTS (SELECT FROM ledger.chain c WHERE c.transaction_id = t.id)) THEN
        PERFORM ledger.refuse('TRANSACTION_SEALED',
            jsonb_build_object('table', tg_table_name, 'transaction', NEW.transaction_id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- Time.

-- GUARD_HEADER_STAMPED: recorded_at and written_in are the database's own, whatever was given;
-- occurred_at is now, or the past if ledger_replay says so while a replay window is open.
-- Refuses: EFFECTIVE_AT_IN_FUTURE, BACKDATING_FORBIDDEN.
CREATE OR REPLACE FUNCTION ledger.guard_header_stamped() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.written_in := pg_current_xact_id();
    NEW.recorded_at := greatest(clock_timestamp(), transaction_timestamp());
    IF NEW.occurred_at > NEW.recorded_at THEN
        PERFORM ledger.refuse('EFFECTIVE_AT_IN_FUTURE',
            jsonb_build_object('occurred_at', NEW.occurred_at, 'now', NEW.recorded_at), tg_name);
    END IF;
    IF NEW.occurred_at < transaction_timestamp()
       AND NOT (session_user = 'ledger_replay' AND ledger.is_window_open('replay')) THEN
        PERFORM ledger.refuse('BACKDATING_FORBIDDEN',
            jsonb_build_object('occurred_at', NEW.occurred_at, 'login', session_user), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_CHAIN_LINKED: computes the next link of the chain from what is stored, once the transaction is
-- whole; the caller only names the transaction. From then on nothing can join it.
-- Refuses: CHAIN_BROKEN (another commodity's or an older transaction; its id is not above that of the
-- link below it, or was never given out; another one of the commodity is open), CLOCK_REGRESSION (its
-- times are before those of that link), as CHECK_WHOLE.
CREATE OR REPLACE FUNCTION ledger.guard_chain_linked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_transaction ledger.transactions;
    v_below bigint;
    v_newest bigint;
    v_height bigint;
    v_hash bytea;
    v_recorded_at timestamptz;
    v_occurred_at timestamptz;
BEGIN
    SELECT * INTO v_transaction FROM ledger.transactions t WHERE t.id = NEW.transaction_id;
    SELECT c.transaction_id, c.height, c.hash, c.recorded_at, (
               SELECT t.occurred_at FROM ledger.transactions t WHERE t.id = c.transaction_id)
    INTO v_below, v_height, v_hash, v_recorded_at, v_occurred_at
    FROM ledger.chain c
    WHERE c.commodity_id = NEW.commodity_id
    ORDER BY c.height DESC LIMIT 1;

    -- "As of" and balances go by ids: one given by hand must not stand outside their order.
    IF v_transaction.written_in IS DISTINCT FROM pg_current_xact_id()
       OR v_transaction.commodity_id IS DISTINCT FROM NEW.commodity_id
       OR NEW.transaction_id <= v_below
       OR (NEW.transaction_id <= pg_sequence_last_value('ledger.transactions_id_seq')) IS NOT TRUE
    THEN
        PERFORM ledger.refuse('CHAIN_BROKEN',
            jsonb_build_object('transaction', NEW.transaction_id, 'commodity', NEW.commodity_id),
            tg_name);
    END IF;
    IF v_transaction.occurred_at < v_occurred_at OR v_transaction.recorded_at < v_recorded_at THEN
        PERFORM ledger.refuse('CLOCK_REGRESSION',
            jsonb_build_object('occurred_at', v_transaction.occurred_at, 'after', v_occurred_at,
                               'recorded_at', v_transaction.recorded_at,
                               'recorded_after', v_recorded_at), tg_name);
    END IF;
    -- One transaction of a commodity is open at a time: rows of two could cross. (What is linked later
    -- happens no earlier, so another one that could still be linked would be the newest.)
    SELECT t.id INTO v_newest FROM ledger.transactions t
    WHERE t.commodity_id = NEW.commodity_id ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1;
    IF NEW.transaction_id <> v_newest THEN
        PERFORM ledger.refuse('CHAIN_BROKEN',
            jsonb_build_object('transaction', NEW.transaction_id, 'open', v_newest), tg_name);
    END IF;

    NEW.height := coalesce(v_height, 0) + 1;
    NEW.prev_hash := coalesce(v_hash, '\x0000000000000000000000000000000000000000000000000000000000000000');
    NEW.recorded_at := v_transaction.recorded_at;

    PERFORM ledger.check_whole(v_transaction);
    NEW.hash := ledger.link_hash(NEW.prev_hash, NEW.height,
                                 ledger.transaction_content(v_transaction));
    RETURN NEW;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- One transaction, looked at when it is whole.
--
-- The guard of its link asks these questions, one after the other; the order only sees to it that the
-- cause is named and not what follows from it. After the link nothing can join: so what was asked was
-- asked of the whole. One deferred trigger on the header asks, at COMMIT, whether there is a link.
-- They are not triggers of their own: SET CONSTRAINTS could then fire each alone, when it still holds,
-- and the transaction go on growing. They run with the guard's rights, and with its search_path.

-- CHECK_WHOLE: asks all of the below of a transaction; each raises its own refusal. (One expression,
-- because each PERFORM would cost a statement; not an ASSERT, which a session can switch off.)
-- Refuses, in order: as each of them.
CREATE OR REPLACE FUNCTION ledger.check_whole(p_transaction ledger.transactions) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF (ledger.check_blocks_conserved(p_transaction)
        AND ledger.check_postings_follow_blocks(p_transaction)
        AND ledger.check_balances_agree(p_transaction)) IS NOT TRUE THEN
        PERFORM ledger.refuse('POSTING_MISSING',
            jsonb_build_object('transaction', p_transaction.id), 'transaction_whole');
    END IF;
    RETURN true;
END
$$;

-- CHECK_BLOCKS_CONSERVED: each new block was cut from a block of an earlier transaction, consumed in this
-- one; it lies inside it, and is of its batch and of the transaction's commodity. Together they cover
-- what was consumed, each number once (consumed blocks are disjoint, so equal sums and equal ranges
-- leave no gap and no overlap anywhere). A mint consumes nothing and creates one block: its batch.
--
-- And what happened is what the approved request asked for: its kind, commodity and approver; nothing
-- but what its source held, in a trading account, of accounts that are active; each block stayed where
-- it was, or went to the account and the region that the request names; as many moved as it says, and
-- where it names numbers, those; what its filters and the batch's dates allow, and where blocks were
-- shown, as shown. So what is retired or expired never comes back. (Only what is locked or never
-- changes is asked: a rule that ends meanwhile must not look like a broken one.)
-- Refuses, in order: PARENT_NOT_CONSUMED, SPLIT_VOLUME_MISMATCH, REQUEST_NOT_FOLLOWED.
CREATE OR REPLACE FUNCTION ledger.check_blocks_conserved(p_transaction ledger.transactions)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    -- The request, and whether it says that it was executed by this transaction.
    v_kind text;
    v_ranges int8multirange;
    v_volume bigint;
    v_source uuid;
    v_target uuid;
    v_region integer;
    v_most integer;
    v_shown text;
    v_of_facility uuid;  -- its filters
    v_of_region integer;
    v_from date;
    v_to date;
    v_executed boolean;
    -- The new blocks, and what they were cut from.
    v_have_parents boolean;
    v_inside boolean;
    v_of_commodity boolean;
    v_in_place boolean;
    v_allowed boolean;
    v_fingerprint text;
    v_created numeric;
    v_covered int8multirange;
    v_cut int8multirange;
    v_parents bigint;
    v_moved numeric;
    v_moved_numbers int8multirange;
    v_inputs bigint;
BEGIN
    SELECT r.kind, r.ranges, r.volume, r.source_id, r.target_id, r.region_id, r.max_blocks,
           r.approved_fingerprint, r.filter_facility_id, r.filter_region_id, r.filter_produced_from,
           r.filter_produced_to,
           r.status = 'executed' AND r.transaction_id = p_transaction.id
           AND r.kind = p_transaction.kind AND r.commodity_id = p_transaction.commodity_id
           AND r.approver_id = p_transaction.actor_id
           AND (r.kind IN ('mint', 'expire') OR (source.type, source.status) = ('trading', 'active'))
           AND CASE r.kind
               WHEN 'retire' THEN (target.type, target.status, target.organisation_id)
                                  = ('retirement', 'active', source.organisation_id)
               WHEN 'reassign_region' THEN true WHEN 'expire' THEN true
               ELSE (target.type, target.status) = ('trading', 'active') END
    INTO v_kind, v_ranges, v_volume, v_source, v_target, v_region, v_most, v_shown, v_of_facility,
         v_of_region, v_from, v_to, v_executed
    FROM public.registry_request r
    LEFT JOIN public.registry_account source ON source.id = r.source_id
    LEFT JOIN public.registry_account target ON target.id = r.target_id
    WHERE r.id = p_transaction.request_id;

    SELECT bool_and(coalesce((SELECT s.transaction_id FROM ledger.transaction_item_inputs s
                              WHERE s.item_id = i.input_id) = p_transaction.id, false)),
           bool_and(coalesce(i.asset_id = parent.asset_id AND i.first_no >= parent.first_no
                             AND i.last_no <= parent.last_no
                             AND parent.transaction_id < p_transaction.id, false)),
           bool_and(coalesce(batch.commodity_id = p_transaction.commodity_id, false)),
           bool_and(coalesce(CASE p_transaction.kind
               WHEN 'mint' THEN i.account_id = v_target
               WHEN 'expire' THEN i.account_id <> parent.account_id
                   AND i.region_id = parent.region_id
               WHEN 'reassign_region' THEN parent.account_id = v_source
                   AND i.account_id = parent.account_id
                   AND i.region_id IN (parent.region_id, v_region)
               ELSE parent.account_id = v_source AND i.region_id = parent.region_id
                   AND i.account_id IN (parent.account_id, v_target) END, false)),
           bool_and(coalesce(batch.facility_id = v_of_facility, v_of_facility IS NULL)
                    AND coalesce(parent.region_id = v_of_region, v_of_region IS NULL)
                    AND coalesce(batch.production_start >= v_from, true)
                    AND coalesce(batch.production_end <= v_to, true)
                    AND (batch.expires_at > p_transaction.occurred_at) IS NOT FALSE
                    AND (p_transaction.kind <> 'transfer'
                         OR (batch.transferable_until > p_transaction.occurred_at) IS NOT FALSE))
               FILTER (WHERE p_transaction.kind NOT IN ('mint', 'expire')
                         AND (i.account_id <> parent.account_id OR i.region_id <> parent.region_id)),
           encode(sha256(string_agg(  -- as FINGERPRINT (050_checks.sql)
               int8send(i.input_id) || uuid_send(i.account_id) || int4send(i.region_id)
               || int8send(i.first_no) || int8send(i.last_no), ''::bytea ORDER BY i.first_no)
               FILTER (WHERE v_shown <> '')), 'hex'),
           sum(i.volume),
           range_agg(int8range(i.first_no, i.last_no + 1)),
           range_agg(int8range(parent.first_no, parent.last_no + 1)),
           count(DISTINCT i.input_id),
           sum(i.volume) FILTER (WHERE parent.id IS NULL OR i.account_id <> parent.account_id
                                       OR i.region_id <> parent.region_id),
           range_agg(int8range(i.first_no, i.last_no + 1))
               FILTER (WHERE v_ranges IS NOT NULL AND (i.account_id <> parent.account_id
                                                       OR i.region_id <> parent.region_id))
    INTO v_have_parents, v_inside, v_of_commodity, v_in_place, v_allowed, v_fingerprint, v_created,
         v_covered, v_cut, v_parents, v_moved, v_moved_numbers
    FROM ledger.transaction_items i
    LEFT JOIN ledger.transaction_items parent ON parent.id = i.input_id
    LEFT JOIN ledger.assets batch ON batch.id = i.asset_id
    WHERE i.transaction_id = p_transaction.id;

    SELECT count(*) INTO v_inputs
    FROM ledger.transaction_item_inputs s WHERE s.transaction_id = p_transaction.id;

    IF p_transaction.kind <> 'mint' AND NOT v_have_parents OR NOT v_of_commodity THEN
        PERFORM ledger.refuse('PARENT_NOT_CONSUMED',
            jsonb_build_object('transaction', p_transaction.id), 'blocks_conserved');
    END IF;
    -- Each child lies in its parent and the children's union is the parents': nothing is left out.
    -- The children's sum is the size of that union: nothing is there twice.
    IF p_transaction.kind <> 'mint'
       AND (NOT v_inside OR v_inputs <> v_parents OR v_covered IS DISTINCT FROM v_cut
            OR v_created <> ledger.size_of(v_covered)) THEN
        PERFORM ledger.refuse('SPLIT_VOLUME_MISMATCH',
            jsonb_build_object('transaction', p_transaction.id, 'created', v_created),
            'blocks_conserved');
    END IF;
    IF p_transaction.kind IN ('mint', 'expire') THEN
        PERFORM ledger.check_batch_whole(p_transaction), ledger.check_expired_in_place(p_transaction);
    END IF;
    -- What has neither blocks nor postings is for the next check.
    IF v_created IS NOT NULL
       AND (v_executed AND v_in_place AND v_allowed IS NOT FALSE
            AND (v_shown = '' OR v_kind = 'mint' OR v_shown = v_fingerprint)
            AND (v_kind <> 'expire' OR v_inputs <= coalesce(v_most, v_inputs))
            AND (v_kind = 'expire' OR v_ranges IS NOT NULL OR v_moved = v_volume)
            AND v_moved_numbers IS NOT DISTINCT FROM v_ranges) IS NOT TRUE THEN
        PERFORM ledger.refuse('REQUEST_NOT_FOLLOWED',
            jsonb_build_object('transaction', p_transaction.id,
                               'request', p_transaction.request_id, 'moved', v_moved),
            'request_followed');
    END IF;
    RETURN true;
END
$$;

-- SIZE_OF: how many numbers a set of ranges holds.
CREATE OR REPLACE FUNCTION ledger.size_of(p_numbers int8multirange) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p_numbers = int8multirange(range_merge(p_numbers)) THEN
        RETURN upper(p_numbers) - lower(p_numbers);  -- one range, as nearly always
    END IF;
    RETURN (SELECT sum(upper(part) - lower(part)) FROM unnest(p_numbers) part);
END
$$;

-- CHECK_BATCH_WHOLE: a mint consumes nothing and creates one block, which is its batch; the batch is
-- of the facility, period, region and serial that the request names, and ends as the commodity says;
-- what it stands for has been produced, and was not issued for before.
-- Refuses: PARENT_NOT_CONSUMED, REQUEST_NOT_FOLLOWED.
CREATE OR REPLACE FUNCTION ledger.check_batch_whole(p_transaction ledger.transactions)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF p_transaction.kind <> 'mint' THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT FROM ledger.transaction_item_inputs s
               WHERE s.transaction_id = p_transaction.id)
       OR (SELECT count(*) > 1 OR bool_or((a.transaction_id, a.commodity_id, a.first_no, a.last_no,
                                           a.region_id, i.input_id)
                                          IS DISTINCT FROM
                                          (p_transaction.id, p_transaction.commodity_id,
                                           i.first_no, i.last_no, i.region_id, NULL::bigint))
           FROM ledger.transaction_items i LEFT JOIN ledger.assets a ON a.id = i.asset_id
           WHERE i.transaction_id = p_transaction.id)
    THEN
        PERFORM ledger.refuse('PARENT_NOT_CONSUMED',
            jsonb_build_object('transaction', p_transaction.id), 'batch_whole');
    END IF;
    IF EXISTS (SELECT FROM ledger.assets a
               LEFT JOIN public.registry_request r ON r.id = p_transaction.request_id
               LEFT JOIN public.registry_facility f ON f.id = r.facility_id
               LEFT JOIN public.registry_commodity c ON c.id = r.commodity_id
               CROSS JOIN LATERAL (SELECT (r.production_end + 1)::timestamp AS ends) period
               WHERE a.transaction_id = p_transaction.id
                 AND ((a.facility_id, a.production_start, a.production_end, a.region_id,
                      coalesce(a.source_serial, ''), a.transferable_until, a.expires_at)
                     IS DISTINCT FROM
                     (r.facility_id, r.production_start, r.production_end,
                      coalesce(r.region_id, f.region_id), r.source_serial,
                      (period.ends + make_interval(months => c.months_transferable))
                          AT TIME ZONE c.time_zone,
                      (period.ends + make_interval(months => c.months_to_expiry))
                          AT TIME ZONE c.time_zone)
                 OR a.production_end > (p_transaction.occurred_at AT TIME ZONE c.time_zone)::date
                 OR NOT c.periods_may_overlap AND (
                     SELECT true FROM ledger.assets o WHERE o.facility_id = a.facility_id AND o.commodity_id = a.commodity_id
                       AND o.id <> a.id AND o.production_start <= a.production_end AND o.production_end >= a.production_start
                       AND o.production_start >= a.production_start - (  -- not all that ended before
                           SELECT l.production_end - l.production_start AS days FROM ledger.assets l
                           WHERE (l.facility_id, l.commodity_id) = (a.facility_id, a.commodity_id) ORDER BY days DESC LIMIT 1)
                     ORDER BY o.production_start DESC LIMIT 1)))
    THEN
        PERFORM ledger.refuse('REQUEST_NOT_FOLLOWED',
            jsonb_build_object('transaction', p_transaction.id), 'request_followed');
    END IF;
    RETURN true;
END
$$;

-- CHECK_EXPIRED_IN_PLACE: an expiry takes what is due from trading accounts and gives it to the
-- commodity's expiry account.
-- Refuses: REQUEST_NOT_FOLLOWED.
CREATE OR REPLACE FUNCTION ledger.check_expired_in_place(p_transaction ledger.transactions)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF p_transaction.kind = 'expire' AND EXISTS (
        SELECT FROM ledger.transaction_items i
        JOIN ledger.transaction_items parent ON parent.id = i.input_id
        JOIN public.registry_account giver ON giver.id = parent.account_id
        JOIN public.registry_account holder ON holder.id = i.account_id
        JOIN ledger.assets batch ON batch.id = i.asset_id
        WHERE i.transaction_id = p_transaction.id
          AND ((giver.type, holder.type, holder.commodity_id)
               IS DISTINCT FROM ('trading', 'expiry', p_transaction.commodity_id)
               OR (batch.expires_at <= p_transaction.occurred_at) IS NOT TRUE))
    THEN
        PERFORM ledger.refuse('REQUEST_NOT_FOLLOWED',
            jsonb_build_object('transaction', p_transaction.id), 'request_followed');
    END IF;
    RETURN true;
END
$$;

-- CHECK_POSTINGS_FOLLOW_BLOCKS: there are postings and blocks, and per batch and account credit minus
-- debit is what the account's blocks gained; a mint's issuance account counts as having lost the
-- batch. Blocks are conserved, so their gains sum to zero per batch: credits equal debits.
-- Refuses, in order: POSTING_IMBALANCE, POSTING_MISSING.
CREATE OR REPLACE FUNCTION ledger.check_postings_follow_blocks(p_transaction ledger.transactions)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_issuance uuid;
    v_flow record;
BEGIN
    IF p_transaction.kind = 'mint' THEN
        SELECT a.id INTO v_issuance FROM public.registry_account a
        WHERE a.commodity_id = p_transaction.commodity_id AND a.type = 'issuance';
    END IF;
    SELECT sum(flow.postings) AS postings, sum(flow.blocks) AS blocks,
           min(flow.asset_id) FILTER (WHERE flow.gained <> 0) AS unequal
    INTO v_flow
    FROM (
        SELECT part.asset_id, sum(part.gained) AS gained, sum(part.postings) AS postings,
               sum(part.blocks) AS blocks
        FROM (
            SELECT p.asset_id, p.account_id, p.debit - p.credit AS gained, 1 AS postings, 0 AS blocks
            FROM ledger.credits_debits p WHERE p.transaction_id = p_transaction.id
            UNION ALL
            SELECT i.asset_id, side.account_id, side.gained, 0, 1
            FROM ledger.transaction_items i
            LEFT JOIN ledger.transaction_items parent ON parent.id = i.input_id
            CROSS JOIN LATERAL (VALUES
                (i.account_id, i.volume),
                (coalesce(parent.account_id, v_issuance), -i.volume)) side (account_id, gained)
            WHERE i.transaction_id = p_transaction.id
        ) part
        GROUP BY part.asset_id, part.account_id
    ) flow;
    -- Postings that cancel out follow no blocks, and blocks that stay are followed by no postings.
    IF v_flow.unequal IS NOT NULL OR (v_flow.postings > 0 AND v_flow.blocks > 0) IS NOT TRUE THEN
        PERFORM ledger.refuse(
            CASE WHEN v_flow.unequal IS NULL THEN 'POSTING_MISSING' ELSE 'POSTING_IMBALANCE' END,
            jsonb_build_object('transaction', p_transaction.id, 'asset', v_flow.unequal),
            'postings_follow_blocks');
    END IF;
    RETURN true;
END
$$;

-- CHECK_BALANCES_AGREE: all postings of an account say the same balance after the transaction, and it is
-- the one before and what was posted now. (Not what is stored: while a statement runs, that may be
-- what the same statement made of it.)
-- Refuses: BALANCE_DRIFT.
CREATE OR REPLACE FUNCTION ledger.check_balances_agree(p_transaction ledger.transactions)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.credits_debits p WHERE p.transaction_id = p_transaction.id
               GROUP BY p.account_id
               HAVING min(p.balance_after) <> max(p.balance_after)
                   OR max(p.balance_after) <> sum(p.credit) - sum(p.debit) + coalesce((
                      SELECT b.balance_after FROM ledger.credits_debits b
                      WHERE b.account_id = p.account_id AND b.commodity_id = p_transaction.commodity_id
                        AND b.transaction_id < p_transaction.id
                      ORDER BY b.transaction_id DESC LIMIT 1), 0)) THEN
        PERFORM ledger.refuse('BALANCE_DRIFT',
            jsonb_build_object('transaction', p_transaction.id), 'balances_agree');
    END IF;
    RETURN true;
END
$$;

-- GUARD_TRANSACTION_WHOLE: a transaction is a link of its commodity's chain, and so was found whole.
-- What is not is named by what else is wrong with it, if anything is.
-- Refuses, in order: as CHECK_WHOLE; CHAIN_BROKEN.
CREATE OR REPLACE FUNCTION ledger.guard_transaction_whole() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.chain c WHERE c.transaction_id = NEW.id) THEN
        PERFORM ledger.check_whole(NEW);
        PERFORM ledger.refuse('CHAIN_BROKEN',
            jsonb_build_object('transaction', NEW.id), 'written_in_chain');
    END IF;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.check_blocks_conserved(ledger.transactions),
    ledger.size_of(int8multirange),
    ledger.check_batch_whole(ledger.transactions),
    ledger.check_expired_in_place(ledger.transactions),
    ledger.check_postings_follow_blocks(ledger.transactions),
    ledger.check_balances_agree(ledger.transactions),
    ledger.check_whole(ledger.transactions)
FROM PUBLIC;

-- ---------------------------------------------------------------------------------------------
-- Batches and derived rows. The derived rows follow the history by themselves (035_derivation.sql), and
-- whoever writes them is held to it.

-- GUARD_BATCH_CONTIGUOUS: a batch starts where the commodity's previous one ended.
-- Refuses: BATCH_NOT_CONTIGUOUS.
CREATE OR REPLACE FUNCTION ledger.guard_batch_contiguous() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last bigint;
BEGIN
    SELECT a.last_no INTO v_last FROM ledger.assets a
    WHERE a.commodity_id = NEW.commodity_id ORDER BY a.first_no DESC LIMIT 1;
    IF NEW.first_no > coalesce(v_last, 0) + 1 THEN
        PERFORM ledger.refuse('BATCH_NOT_CONTIGUOUS',
            jsonb_build_object('commodity', NEW.commodity_id, 'first', NEW.first_no,
                               'expected', coalesce(v_last, 0) + 1), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_BATCH_MINTED: a batch comes with a mint, and so with a block (CHECK_BATCH_WHOLE).
-- Refuses: POSTING_MISSING.
CREATE OR REPLACE FUNCTION ledger.guard_batch_minted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.transactions t
                   WHERE t.id = NEW.transaction_id AND t.kind = 'mint') THEN
        PERFORM ledger.refuse('POSTING_MISSING',
            jsonb_build_object('transaction', NEW.transaction_id, 'first', NEW.first_no), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_LEAVES_MIRROR_BLOCKS: an unspent block says what its canonical row says, and is unspent. The
-- canonical blocks of a commodity never overlap while unspent (batches do not, and children cover
-- exactly their parent), so neither do their mirrors; what is no mirror is named by what it would do.
-- Refuses: SPENT_INPUT_STILL_LEAF, LEAF_RANGE_OVERLAP, LEAF_SHORTFALL.
CREATE OR REPLACE FUNCTION ledger.guard_leaves_mirror_blocks() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_leaf ledger.leaves;
BEGIN
    SELECT fresh.* INTO v_leaf
    FROM fresh
    WHERE (SELECT i.account_id = fresh.account_id AND i.asset_id = fresh.asset_id
                  AND i.region_id = fresh.region_id AND i.first_no = fresh.first_no
                  AND i.last_no = fresh.last_no AND i.volume = fresh.volume
                  AND a.commodity_id = fresh.commodity_id
           FROM ledger.transaction_items i JOIN ledger.assets a ON a.id = i.asset_id
           WHERE i.id = fresh.item_id) IS NOT TRUE
       OR (SELECT s.transaction_id FROM ledger.transaction_item_inputs s
           WHERE s.item_id = fresh.item_id) IS NOT NULL
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM ledger.refuse(
        CASE WHEN EXISTS (SELECT FROM ledger.transaction_item_inputs s
                          WHERE s.item_id = v_leaf.item_id) THEN 'SPENT_INPUT_STILL_LEAF'
             WHEN EXISTS (SELECT FROM ledger.leaves l
                          WHERE l.commodity_id = v_leaf.commodity_id
                            AND l.item_id <> v_leaf.item_id
                            AND l.first_no <= v_leaf.last_no AND l.last_no >= v_leaf.first_no)
             THEN 'LEAF_RANGE_OVERLAP'
             ELSE 'LEAF_SHORTFALL' END,
        jsonb_build_object('block', v_leaf.item_id, 'first', v_leaf.first_no,
                           'last', v_leaf.last_no), 'leaves_leaf_range_overlap');
    RETURN NULL;
END
$$;

-- GUARD_LEAVES_LEAVE_SPENT: a block stops being unspent only by being consumed.
-- Refuses: LEAF_SHORTFALL.
CREATE OR REPLACE FUNCTION ledger.guard_leaves_leave_spent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_facts jsonb;
BEGIN
    SELECT jsonb_build_object('block', gone.item_id)
    INTO v_facts
    FROM gone
    WHERE NOT EXISTS (SELECT FROM ledger.transaction_item_inputs s WHERE s.item_id = gone.item_id)
    LIMIT 1;
    IF v_facts IS NOT NULL THEN
        PERFORM ledger.refuse('LEAF_SHORTFALL', v_facts, tg_name);
    END IF;
    RETURN NULL;
END
$$;

-- GUARD_BALANCES_MIRROR_POSTINGS: a stored balance is what the account's last posting says, and only
-- an issuance account is marked as one.
-- Refuses: BALANCE_DRIFT.
CREATE OR REPLACE FUNCTION ledger.guard_balances_mirror_postings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_facts jsonb;
BEGIN
    SELECT jsonb_build_object('account', fresh.account_id, 'commodity', fresh.commodity_id,
                              'stored', fresh.balance)
    INTO v_facts
    FROM fresh
    WHERE fresh.balance IS DISTINCT FROM coalesce((
              SELECT p.balance_after FROM ledger.credits_debits p
              WHERE p.account_id = fresh.account_id AND p.commodity_id = fresh.commodity_id
              ORDER BY p.transaction_id DESC LIMIT 1), 0)
       OR fresh.issues IS DISTINCT FROM (
              SELECT a.type = 'issuance' FROM public.registry_account a
              WHERE a.id = fresh.account_id)
    LIMIT 1;
    IF v_facts IS NOT NULL THEN
        PERFORM ledger.refuse('BALANCE_DRIFT', v_facts, tg_name);
    END IF;
    RETURN NULL;
END
$$;

-- GUARD_BALANCES_KEPT: a balance row, once there, stays.
-- Refuses: BALANCE_DRIFT.
CREATE OR REPLACE FUNCTION ledger.guard_balances_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_facts jsonb;
BEGIN
    SELECT jsonb_build_object('account', gone.account_id, 'commodity', gone.commodity_id)
    INTO v_facts
    FROM gone
    WHERE EXISTS (SELECT FROM ledger.credits_debits p
                  WHERE p.account_id = gone.account_id AND p.commodity_id = gone.commodity_id)
    LIMIT 1;
    IF v_facts IS NOT NULL THEN
        PERFORM ledger.refuse('BALANCE_DRIFT', v_facts, tg_name);
    END IF;
    RETURN NULL;
END
$$;

-- GUARD_BALANCES_IN_PLACE: a balance row is of one account and one commodity for ever.
-- Refuses: BALANCE_DRIFT.
CREATE OR REPLACE FUNCTION ledger.guard_balances_in_place() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.refuse('BALANCE_DRIFT', jsonb_build_object('table', tg_table_name), tg_name);
    RETURN NULL;
END
$$;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
DO $lend$
DECLARE
    v_guard regprocedure;
BEGIN
    FOR v_guard IN SELECT oid::regprocedure FROM pg_proc
                   WHERE pronamespace = 'ledger'::regnamespace AND prorettype = 'trigger'::regtype
                     AND proowner = current_user::regrole
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ledger_owner', v_guard);
    END LOOP;
END
$lend$;

RESET ROLE;
SET ROLE ledger_owner;

-- What the chain's guard asks: which ids were given out.
GRANT SELECT ON SEQUENCE ledger.transactions_id_seq TO ledger_check;

DO $triggers$
DECLARE
    v_table text;
    v_trigger record;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['transactions', 'assets', 'transaction_items',
                                   'transaction_item_inputs', 'credits_debits', 'chain'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %1$s_append_only
                        BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%1$s
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only()', v_table);
    END LOOP;

    CREATE OR REPLACE TRIGGER assets_transaction_sealed
        BEFORE INSERT ON ledger.assets
        FOR EACH ROW EXECUTE FUNCTION ledger.guard_batch_sealed();

    -- A constraint trigger cannot be replaced.
    DROP TRIGGER IF EXISTS transactions_whole_at_commit ON ledger.transactions;
    CREATE CONSTRAINT TRIGGER transactions_whole_at_commit
        AFTER INSERT ON ledger.transactions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (ledger.is_unproved())
        EXECUTE FUNCTION ledger.guard_transaction_whole();

    CREATE OR REPLACE TRIGGER transactions_header_stamped
        BEFORE INSERT ON ledger.transactions
        FOR EACH ROW EXECUTE FUNCTION ledger.guard_header_stamped();
    CREATE OR REPLACE TRIGGER chain_linked
        BEFORE INSERT ON ledger.chain
        FOR EACH ROW WHEN (ledger.is_unproved())
        EXECUTE FUNCTION ledger.guard_chain_linked();
    CREATE OR REPLACE TRIGGER assets_batch_contiguous
        BEFORE INSERT ON ledger.assets
        FOR EACH ROW EXECUTE FUNCTION ledger.guard_batch_contiguous();
    CREATE OR REPLACE TRIGGER assets_batch_minted
        BEFORE INSERT ON ledger.assets
        FOR EACH ROW EXECUTE FUNCTION ledger.guard_batch_minted();

    CREATE OR REPLACE TRIGGER leaves_mirror_blocks
        AFTER INSERT ON ledger.leaves REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT WHEN (ledger.is_unproved())
        EXECUTE FUNCTION ledger.guard_leaves_mirror_blocks();
    CREATE OR REPLACE TRIGGER leaves_mirror_blocks_when_changed
        AFTER UPDATE ON ledger.leaves REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_leaves_mirror_blocks();
    CREATE OR REPLACE TRIGGER leaves_leave_spent_when_changed
        AFTER UPDATE ON ledger.leaves REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_leaves_leave_spent();
    CREATE OR REPLACE TRIGGER leaves_leave_spent
        AFTER DELETE ON ledger.leaves REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT WHEN (ledger.is_unproved())
        EXECUTE FUNCTION ledger.guard_leaves_leave_spent();

    CREATE OR REPLACE TRIGGER account_balances_mirror_postings
        AFTER INSERT ON ledger.account_balances REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT WHEN (ledger.is_unproved())
        EXECUTE FUNCTION ledger.guard_balances_mirror_postings();
    CREATE OR REPLACE TRIGGER account_balances_mirror_postings_when_changed
        AFTER UPDATE ON ledger.account_balances REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT WHEN (ledger.is_unproved())
        EXECUTE FUNCTION ledger.guard_balances_mirror_postings();
    CREATE OR REPLACE TRIGGER account_balances_in_place
        BEFORE UPDATE OF account_id, commodity_id ON ledger.account_balances
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_balances_in_place();
    CREATE OR REPLACE TRIGGER account_balances_kept
        AFTER DELETE ON ledger.account_balances REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_balances_kept();

    FOR v_trigger IN
        SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'ledger.%'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I',
                       v_trigger.relation, v_trigger.tgname);
    END LOOP;
END
$triggers$;

RESET ROLE;
SET ROLE ledger_check;
DO $take_back$
DECLARE
    v_guard regprocedure;
BEGIN
    FOR v_guard IN SELECT oid::regprocedure FROM pg_proc
                   WHERE pronamespace = 'ledger'::regnamespace AND prorettype = 'trigger'::regtype
                     AND proowner = current_user::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, ledger_owner', v_guard);
    END LOOP;
END
$take_back$;

RESET ROLE;
