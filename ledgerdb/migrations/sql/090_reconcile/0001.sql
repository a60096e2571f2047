-- RECONCILE: proof that the ledger is sound, and the way back if a derived table is not.
-- Everything but rebuild_derived only reads, takes no lock, and sees one snapshot (STABLE): several
-- statements on several snapshots would raise false alarms under load.

SET ROLE ledger_owner;

-- FINDINGS: the violations of one check as {"violations", "examples" (first 20), "examined"}.
CREATE OR REPLACE FUNCTION ledger.findings(p_violations jsonb[], p_examined bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object(
        'violations', coalesce(cardinality(p_violations), 0),
        'examples', coalesce(to_jsonb(p_violations[1:20]), '[]'::jsonb),
        'examined', p_examined)
$$;

-- FIND_SPENT_INPUT: the unspent blocks are exactly those never consumed, and say what they said.
CREATE OR REPLACE FUNCTION ledger.find_spent_input() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT ledger.findings(
        array_agg(jsonb_build_object(
            'block', coalesce(i.id, l.item_id),
            'found', CASE WHEN i.id IS NULL THEN 'unknown block'
                          WHEN s.item_id IS NOT NULL THEN 'consumed but counted as held'
                          WHEN l.item_id IS NULL THEN 'unspent but not counted as held'
                          ELSE 'differs from its block' END)
            ORDER BY coalesce(i.id, l.item_id))
        FILTER (WHERE i.id IS NULL OR (s.item_id IS NULL) IS DISTINCT FROM (l.item_id IS NOT NULL)
                OR (l.item_id IS NOT NULL
                    AND (l.account_id, l.asset_id, l.region_id, l.first_no, l.last_no, l.volume)
                        IS DISTINCT FROM (i.account_id, i.asset_id, i.region_id, i.first_no,
                                          i.last_no, i.volume))),
        count(*))
    FROM ledger.transaction_items i
    FULL JOIN ledger.leaves l ON l.item_id = i.id
    LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.id
$$;

-- FIND_BALANCE_DRIFT: each stored balance is the sum of its account's postings.
CREATE OR REPLACE FUNCTION ledger.find_balance_drift() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT ledger.findings(
        array_agg(jsonb_build_object('account', coalesce(b.account_id, p.account_id),
                                     'commodity', coalesce(b.commodity_id, p.commodity_id),
                                     'stored', b.balance, 'posted', p.balance))
        FILTER (WHERE b.balance IS DISTINCT FROM p.balance
                  AND NOT (p.balance IS NULL AND b.balance = 0)),
        count(*))
    FROM ledger.account_balances b
    FULL JOIN (SELECT c.account_id, c.commodity_id, sum(c.credit) - sum(c.debit) AS balance
               FROM ledger.credits_debits c GROUP BY c.account_id, c.commodity_id) p
      ON p.account_id = b.account_id AND p.commodity_id = b.commodity_id
$$;

-- FIND_ASSET_CONSERVATION: the unspent blocks of each batch sum to what was minted.
CREATE OR REPLACE FUNCTION ledger.find_asset_conservation() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT ledger.findings(
        array_agg(jsonb_build_object('asset', a.id, 'minted', a.volume,
                                     'unspent', coalesce(u.volume, 0)) ORDER BY a.id)
        FILTER (WHERE u.volume IS DISTINCT FROM a.volume),
        count(*))
    FROM ledger.assets a
    LEFT JOIN (SELECT i.asset_id, sum(i.volume) AS volume
               FROM ledger.transaction_items i
               LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.id
               WHERE s.item_id IS NULL GROUP BY i.asset_id) u ON u.asset_id = a.id
$$;

-- FIND_POSTING_BALANCE: credits equal debits per transaction and batch.
CREATE OR REPLACE FUNCTION ledger.find_posting_balance() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT ledger.findings(
        array_agg(jsonb_build_object('transaction', t.id, 'asset', p.asset_id,
                                     'credit', p.credit, 'debit', p.debit) ORDER BY t.id)
        FILTER (WHERE p.credit IS DISTINCT FROM p.debit OR t.id IS NULL OR p.asset_id IS NULL),
        count(*))
    FROM ledger.transactions t
    FULL JOIN (SELECT c.transaction_id, c.asset_id, sum(c.credit) AS credit, sum(c.debit) AS debit
               FROM ledger.credits_debits c GROUP BY c.transaction_id, c.asset_id) p
      ON p.transaction_id = t.id
$$;

-- RECONCILE: all four checks on one snapshot. `height` says, per commodity, up to which link.
CREATE OR REPLACE FUNCTION ledger.reconcile() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_checks jsonb := jsonb_build_object(
        'spent_input', ledger.find_spent_input(),
        'balance_drift', ledger.find_balance_drift(),
        'asset_conservation', ledger.find_asset_conservation(),
        'posting_balance', ledger.find_posting_balance());
BEGIN
    RETURN jsonb_build_object(
        'ok', NOT EXISTS (SELECT FROM jsonb_each(v_checks) c
                          WHERE (c.value ->> 'violations')::bigint > 0),
        'checked_at', clock_timestamp(),
        'height', coalesce((SELECT jsonb_object_agg(top.commodity_id, top.height)
                            FROM (SELECT c.commodity_id, max(c.height) AS height
                                  FROM ledger.chain c GROUP BY c.commodity_id) top), '{}'::jsonb),
        'checks', v_checks);
END
$$;

-- IS_LINKED: the row ids of a transaction lead to where its numbers lie. The hash covers numbers and
-- no row ids (042_chain.sql), so these are held against each other: each block lies in its batch, in
-- the block it was cut from, and that was consumed here; batches and postings are of the commodity.
CREATE OR REPLACE FUNCTION ledger.is_linked(p_transaction ledger.transactions) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM ledger.transaction_items i
        LEFT JOIN ledger.assets a ON a.id = i.asset_id
        LEFT JOIN ledger.transaction_items parent ON parent.id = i.input_id
        LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.input_id
        WHERE i.transaction_id = p_transaction.id
          AND NOT coalesce(
              a.commodity_id = p_transaction.commodity_id
              AND i.first_no >= a.first_no AND i.last_no <= a.last_no
              AND CASE WHEN i.input_id IS NULL THEN p_transaction.kind = 'mint'
                       ELSE s.transaction_id = i.transaction_id
                            AND i.first_no >= parent.first_no AND i.last_no <= parent.last_no END,
              false)
    ) AND NOT EXISTS (
        SELECT FROM ledger.transaction_item_inputs s
        LEFT JOIN ledger.transaction_items i ON i.id = s.item_id
        WHERE s.transaction_id = p_transaction.id AND i.id IS NULL
    ) AND NOT EXISTS (
        SELECT FROM ledger.credits_debits p
        LEFT JOIN ledger.assets a ON a.id = p.asset_id
        WHERE p.transaction_id = p_transaction.id
          AND (p.commodity_id <> p_transaction.commodity_id
               OR a.commodity_id IS DISTINCT FROM p_transaction.commodity_id)
    );
END
$$;

-- VERIFY_CHAIN_SLOWLY: as VERIFY_CHAIN, link by link, with the function that made each link: the measure
-- that VERIFY_CHAIN is held to, and a second opinion on one that it finds bad.
CREATE OR REPLACE FUNCTION ledger.verify_chain_slowly(
    p_commodity_id integer, p_from bigint DEFAULT 1, p_to bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_link record;
    v_height bigint := p_from - 1;
    v_id bigint := 0;
    v_hash bytea := decode(repeat('00', 32), 'hex');
    v_recorded_at timestamptz := '-infinity';
    v_occurred_at timestamptz := '-infinity';
BEGIN
    IF p_from > 1 THEN
        SELECT c.hash, c.transaction_id INTO v_hash, v_id FROM ledger.chain c
        WHERE c.commodity_id = p_commodity_id AND c.height = p_from - 1;
    END IF;
    FOR v_link IN
        SELECT c.height, c.prev_hash, c.hash, c.transaction_id, c.recorded_at AS linked_at,
               t.commodity_id, t.recorded_at, t.occurred_at, t AS entry
        FROM ledger.chain c LEFT JOIN ledger.transactions t ON t.id = c.transaction_id
        WHERE c.commodity_id = p_commodity_id
          AND c.height BETWEEN p_from AND coalesce(p_to, 9223372036854775807)
        ORDER BY c.height
    LOOP
        v_height := v_height + 1;
        IF v_link.height <> v_height
           OR v_link.commodity_id IS DISTINCT FROM p_commodity_id
           OR v_link.prev_hash IS DISTINCT FROM v_hash
           OR v_link.transaction_id <= v_id
           OR v_link.linked_at IS DISTINCT FROM v_link.recorded_at
           OR v_link.recorded_at < v_recorded_at OR v_link.occurred_at < v_occurred_at
           OR v_link.hash IS DISTINCT FROM
              ledger.link_hash(v_link.prev_hash, v_link.height,
                               ledger.transaction_content(v_link.entry))
           OR NOT ledger.is_linked(v_link.entry) THEN
            RETURN v_height;
        END IF;
        v_hash := v_link.hash;
        v_id := v_link.transaction_id;
        v_recorded_at := v_link.recorded_at;
        v_occurred_at := v_link.occurred_at;
    END LOOP;

    IF p_to IS NOT NULL THEN
        RETURN CASE WHEN v_height < p_to THEN v_height + 1 END;
    END IF;
    RETURN CASE WHEN ledger.is_cut_short(p_commodity_id) THEN v_height + 1 END;
END
$$;

-- IS_CUT_SHORT: true if there is more than the chain has: a transaction without a link, or an executed
-- request whose transaction is gone.
CREATE OR REPLACE FUNCTION ledger.is_cut_short(p_commodity_id integer) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM ledger.transactions t
                   LEFT JOIN ledger.chain c ON c.transaction_id = t.id
                   WHERE t.commodity_id = p_commodity_id AND c.transaction_id IS NULL)
        OR EXISTS (SELECT FROM public.registry_request r
                   LEFT JOIN ledger.transactions t ON t.id = r.transaction_id
                   WHERE r.commodity_id = p_commodity_id AND r.status = 'executed' AND t.id IS NULL)
$$;

-- CONTENT_OF: what each transaction of some links of a chain says (as TRANSACTION_CONTENT and, for what
-- only its kind says, MORE_CONTENT of 042_chain.sql, but of all links at once), and whether its rows
-- belong together (as IS_LINKED). Tests hold both to the functions that they repeat, byte for byte.
-- The rows of each link are looked up by the link: how many there are of a stretch cannot be estimated,
-- and a join that was planned for a hundred links compared each of twenty thousand with each.
CREATE OR REPLACE FUNCTION ledger.content_of(p_commodity_id integer, p_from bigint, p_to bigint)
RETURNS TABLE (height bigint, commodity_id integer, recorded_at timestamptz,
               occurred_at timestamptz, content bytea, linked boolean)
LANGUAGE sql STABLE AS $$
    WITH link AS MATERIALIZED (
        SELECT c.height, t.*
        FROM ledger.chain c JOIN ledger.transactions t ON t.id = c.transaction_id
        WHERE c.commodity_id = p_commodity_id AND c.height BETWEEN p_from AND p_to
    )
    SELECT link.height, link.commodity_id, link.recorded_at, link.occurred_at,
           ledger.whole_content(
               link.kind, link.request_id, link.actor_id, link.commodity_id, link.occurred_at,
               consumed.blocks, block.blocks, block.bytes, posting.postings, posting.bytes,
               CASE link.kind
                   WHEN 'mint' THEN coalesce((
                       SELECT uuid_send(b.facility_id) || int4send(b.region_id)
                       || int8send(b.first_no) || int8send(b.last_no)
                       || int4send(b.production_start - date '2000-01-01')
                       || int4send(b.production_end - date '2000-01-01')
                       || int8send(coalesce(
                              (extract(epoch FROM b.transferable_until) * 1000000)::bigint, 0))
                       || int8send(coalesce(
                              (extract(epoch FROM b.expires_at) * 1000000)::bigint, 0))
                       || int4send(coalesce(octet_length(b.source_serial), 0))
                       || convert_to(coalesce(b.source_serial, ''), 'UTF8')
                       FROM ledger.assets b WHERE b.transaction_id = link.id), '')
                   WHEN 'retire' THEN coalesce((
                       SELECT int4send(octet_length(r.beneficiary)) || convert_to(r.beneficiary, 'UTF8')
                       || int4send(octet_length(r.beneficiary_country))
                       || convert_to(r.beneficiary_country, 'UTF8')
                       || int4send(octet_length(r.beneficiary_place))
                       || convert_to(r.beneficiary_place, 'UTF8')
                       || int4send(octet_length(r.reason)) || convert_to(r.reason, 'UTF8')
                       || int4send(coalesce(r.consumption_start - date '2000-01-01', 0))
                       || int4send(coalesce(r.consumption_end - date '2000-01-01', 0))
                       FROM public.registry_request r WHERE r.id = link.request_id), '')
               END),
           coalesce(block.linked, true) AND coalesce(consumed.linked, true)
               AND coalesce(posting.linked, true)
    FROM link
    CROSS JOIN LATERAL (
        SELECT count(*) AS blocks,
               string_agg(ledger.block_content(i.first_no, i.last_no, i.account_id, i.region_id,
                                               parent.first_no), '' ORDER BY i.first_no) AS bytes,
               bool_and(coalesce(
                   a.commodity_id = link.commodity_id
                   AND i.first_no >= a.first_no AND i.last_no <= a.last_no
                   AND CASE WHEN i.input_id IS NULL THEN link.kind = 'mint'
                            ELSE s.transaction_id = i.transaction_id
                                 AND i.first_no >= parent.first_no
                                 AND i.last_no <= parent.last_no END, false)) AS linked
        FROM ledger.transaction_items i
        LEFT JOIN ledger.assets a ON a.id = i.asset_id
        LEFT JOIN ledger.transaction_items parent ON parent.id = i.input_id
        LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.input_id
        WHERE i.transaction_id = link.id) block
    CROSS JOIN LATERAL (
        SELECT count(*) AS blocks, bool_and(i.id IS NOT NULL) AS linked
        FROM ledger.transaction_item_inputs s
        LEFT JOIN ledger.transaction_items i ON i.id = s.item_id
        WHERE s.transaction_id = link.id) consumed
    CROSS JOIN LATERAL (
        SELECT count(*) AS postings,
               string_agg(ledger.posting_content(p.account_id, p.commodity_id, a.first_no, p.credit,
                                                 p.debit, p.balance_after), '' ORDER BY p.line)
                   AS bytes,
               bool_and(p.commodity_id = link.commodity_id
                        AND a.commodity_id IS NOT DISTINCT FROM link.commodity_id) AS linked
        FROM ledger.credits_debits p
        LEFT JOIN ledger.assets a ON a.id = p.asset_id
        WHERE p.transaction_id = link.id) posting
$$;

-- VERIFY_LINKS: the first height of some links at which the chain of a commodity does not hold, or
-- NULL. The last four arguments are those of the link below them.
CREATE OR REPLACE FUNCTION ledger.verify_links(
    p_commodity_id integer, p_from bigint, p_to bigint, p_transaction_id bigint, p_hash bytea,
    p_recorded_at timestamptz, p_occurred_at timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT min(link.expected) FILTER (
        WHERE link.height <> link.expected
           OR link.commodity_id IS DISTINCT FROM p_commodity_id
           OR link.prev_hash IS DISTINCT FROM link.hash_below
           OR link.transaction_id <= link.transaction_below
           OR link.linked_at IS DISTINCT FROM link.recorded_at
           OR link.recorded_at < link.recorded_below OR link.occurred_at < link.occurred_below
           OR link.hash IS DISTINCT FROM ledger.link_hash(link.prev_hash, link.height, link.content)
           OR link.linked IS NOT TRUE)
    FROM (
        SELECT c.height, c.transaction_id, c.prev_hash, c.hash, c.recorded_at AS linked_at,
               said.commodity_id, said.recorded_at, said.occurred_at, said.content, said.linked,
               p_from - 1 + row_number() OVER up AS expected,
               lag(c.transaction_id, 1, p_transaction_id) OVER up AS transaction_below,
               lag(c.hash, 1, p_hash) OVER up AS hash_below,
               lag(said.recorded_at, 1, p_recorded_at) OVER up AS recorded_below,
               lag(said.occurred_at, 1, p_occurred_at) OVER up AS occurred_below
        FROM ledger.chain c
        LEFT JOIN ledger.content_of(p_commodity_id, p_from, p_to) said ON said.height = c.height
        WHERE c.commodity_id = p_commodity_id AND c.height BETWEEN p_from AND p_to
        WINDOW up AS (ORDER BY c.height)
    ) link
$$;

-- VERIFY_CHAIN: the first height at which the chain of a commodity does not hold, or NULL: heights
-- follow each other, ids of transactions rise with them, each link names the hash below it, hash and
-- times are those of the transaction as it is stored now, its rows belong together, and (to the top) no
-- transaction is missing from the chain. Some ten thousand links at a time, so that a long chain needs no more memory than a short one;
-- each stretch planned for itself: a plan for any stretch takes it for a few links.
CREATE OR REPLACE FUNCTION ledger.verify_chain(
    p_commodity_id integer, p_from bigint DEFAULT 1, p_to bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    c_at_once CONSTANT bigint := 20000;
    v_bad bigint;
    v_height bigint := p_from - 1;
    v_top bigint := coalesce(
        (SELECT max(c.height) FROM ledger.chain c
         WHERE c.commodity_id = p_commodity_id AND c.height >= p_from
           AND c.height <= coalesce(p_to, 9223372036854775807)), p_from - 1);
    v_id bigint := 0;
    v_hash bytea := decode(repeat('00', 32), 'hex');
    v_recorded_at timestamptz := '-infinity';
    v_occurred_at timestamptz := '-infinity';
BEGIN
    IF p_from > 1 THEN
        SELECT c.hash, c.transaction_id INTO v_hash, v_id FROM ledger.chain c
        WHERE c.commodity_id = p_commodity_id AND c.height = p_from - 1;
    END IF;
    WHILE v_height < v_top LOOP
        v_bad := ledger.verify_links(p_commodity_id, v_height + 1, least(v_height + c_at_once, v_top),
                                     v_id, v_hash, v_recorded_at, v_occurred_at);
        IF v_bad IS NOT NULL THEN
            RETURN v_bad;
        END IF;
        v_height := least(v_height + c_at_once, v_top);
        SELECT c.transaction_id, c.hash, t.recorded_at, t.occurred_at
        INTO v_id, v_hash, v_recorded_at, v_occurred_at
        FROM ledger.chain c LEFT JOIN ledger.transactions t ON t.id = c.transaction_id
        WHERE c.commodity_id = p_commodity_id AND c.height = v_height;
        IF NOT FOUND THEN  -- links are missing from somewhere in this stretch up to its end
            RETURN (SELECT max(c.height) + 1 FROM ledger.chain c
                    WHERE c.commodity_id = p_commodity_id AND c.height < v_height);
        END IF;
    END LOOP;

    IF p_to IS NOT NULL THEN
        RETURN CASE WHEN v_height < p_to THEN v_height + 1 END;
    END IF;
    RETURN CASE WHEN ledger.is_cut_short(p_commodity_id) THEN v_height + 1 END;
END
$$;

-- DERIVED_LEAVES, DERIVED_BALANCES, DERIVED_HEADS: the derived tables as the history gives them.
CREATE OR REPLACE FUNCTION ledger.derived_leaves() RETURNS SETOF ledger.leaves
LANGUAGE sql STABLE AS $$
    SELECT i.id, a.commodity_id, i.account_id, i.asset_id, i.region_id, i.first_no, i.last_no, i.volume
    FROM ledger.transaction_items i
    JOIN ledger.assets a ON a.id = i.asset_id
    LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.id
    WHERE s.item_id IS NULL
$$;
CREATE OR REPLACE FUNCTION ledger.derived_balances() RETURNS SETOF ledger.account_balances
LANGUAGE sql STABLE AS $$
    SELECT p.account_id, p.commodity_id, (sum(p.credit) - sum(p.debit))::bigint,
           a.type = 'issuance'
    FROM ledger.credits_debits p JOIN public.registry_account a ON a.id = p.account_id
    GROUP BY p.account_id, p.commodity_id, a.type
$$;
CREATE OR REPLACE FUNCTION ledger.derived_heads() RETURNS SETOF ledger.heads
LANGUAGE sql STABLE AS $$
    SELECT a.commodity_id, max(a.last_no) + 1 FROM ledger.assets a GROUP BY a.commodity_id
$$;

-- DERIVED_DRIFT: per derived table, how many rows differ from what the history gives, either way.
CREATE OR REPLACE FUNCTION ledger.derived_drift() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_leaves bigint;
    v_balances bigint;
    v_heads bigint;
BEGIN
    SELECT count(*) INTO v_leaves FROM (
        (SELECT * FROM ledger.leaves EXCEPT ALL SELECT * FROM ledger.derived_leaves())
        UNION ALL
        (SELECT * FROM ledger.derived_leaves() EXCEPT ALL SELECT * FROM ledger.leaves)) d;
    SELECT count(*) INTO v_balances FROM (
        (SELECT * FROM ledger.account_balances EXCEPT ALL SELECT * FROM ledger.derived_balances())
        UNION ALL
        (SELECT * FROM ledger.derived_balances() EXCEPT ALL SELECT * FROM ledger.account_balances)) d;
    SELECT count(*) INTO v_heads FROM (
        (SELECT * FROM ledger.heads EXCEPT ALL SELECT * FROM ledger.derived_heads())
        UNION ALL
        (SELECT * FROM ledger.derived_heads() EXCEPT ALL SELECT * FROM ledger.heads)) d;
    RETURN jsonb_build_object('ok', v_leaves + v_balances + v_heads = 0, 'leaves', v_leaves,
                              'account_balances', v_balances, 'heads', v_heads);
END
$$;

-- REBUILD_DERIVED: empty the derived tables and fill them from the history. The owner's alone.
-- Locks: the three tables, against everything: no transaction is executed meanwhile.
CREATE OR REPLACE FUNCTION ledger.rebuild_derived() RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE ledger.leaves, ledger.account_balances, ledger.heads IN ACCESS EXCLUSIVE MODE;
    TRUNCATE ledger.leaves, ledger.account_balances, ledger.heads;
    INSERT INTO ledger.leaves SELECT * FROM ledger.derived_leaves();
    INSERT INTO ledger.account_balances SELECT * FROM ledger.derived_balances();
    INSERT INTO ledger.heads SELECT * FROM ledger.derived_heads();
    RETURN ledger.derived_drift();
END
$$;

REVOKE ALL ON FUNCTION
    ledger.findings(jsonb[], bigint),
    ledger.find_spent_input(), ledger.find_balance_drift(), ledger.find_asset_conservation(),
    ledger.find_posting_balance(), ledger.reconcile(),
    ledger.is_linked(ledger.transactions),
    ledger.is_cut_short(integer),
    ledger.verify_chain_slowly(integer, bigint, bigint),
    ledger.content_of(integer, bigint, bigint),
    ledger.verify_links(integer, bigint, bigint, bigint, bytea, timestamptz, timestamptz),
    ledger.verify_chain(integer, bigint, bigint),
    ledger.derived_leaves(), ledger.derived_balances(), ledger.derived_heads(),
    ledger.derived_drift(), ledger.rebuild_derived()
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.findings(jsonb[], bigint),
    ledger.find_spent_input(), ledger.find_balance_drift(), ledger.find_asset_conservation(),
    ledger.find_posting_balance(), ledger.reconcile(),
    ledger.is_linked(ledger.transactions),
    ledger.is_cut_short(integer),
    ledger.verify_chain_slowly(integer, bigint, bigint),
    ledger.content_of(integer, bigint, bigint),
    ledger.verify_links(integer, bigint, bigint, bigint, bytea, timestamptz, timestamptz),
    ledger.verify_chain(integer, bigint, bigint),
    ledger.derived_leaves(), ledger.derived_balances(), ledger.derived_heads(),
    ledger.derived_drift()
TO portal_web, ledger_auditor;

RESET ROLE;
