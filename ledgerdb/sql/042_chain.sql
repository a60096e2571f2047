-- CHAIN: what a transaction says, and the hash that covers it. Used when a link is made (040) and when
-- it is verified (090).

SET ROLE ledger_check;

-- LOOK_AT: one look at all rows of a transaction, for its hash and for the guard of its link at once.
--
-- `content` is everything that it says, in one canonical sequence of bytes: rows as PostgreSQL's binary
-- protocol sends them (count of columns; of each its type, its length and its bytes), integers of fixed
-- width, instants as microseconds since 2000, text as UTF-8 bytes. Nothing depends on a session's
-- settings. Blocks are named by their numbers and not by row ids, and recorded_at is left out, so that
-- the same history replayed into another database has the same hashes. A retirement's claim (for whom,
-- where, when, why) stands on its request and is covered too.
--
-- `plain` is true of what nearly every transaction is, and proves it whole: one block consumed, of an
-- earlier transaction; one or two created, of its batch and region, inside it, in sum as many as it, one
-- from its first number and one to its last: so they cover it, each number once. It was p_source's, and
-- they are p_source's or p_target's; two postings say `moved`, from the one to the other. What is not
-- plain may still be whole: GUARD_CHAIN_LINKED then asks at length.
CREATE OR REPLACE FUNCTION ledger.look_at(
    p_transaction ledger.transactions, p_source uuid, p_target uuid) RETURNS ledger.look
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_look ledger.look;
    v_id bigint := p_transaction.id;
    v_commodity integer := p_transaction.commodity_id;
    v_consumed bigint;
    v_blocks bigint;
    v_blocks_plain boolean;
    v_moved bigint;
    v_asset bigint;
    v_block_bytes bytea;
    v_postings bigint;
    v_postings_plain boolean;
    v_posting_bytes bytea;
BEGIN
    SELECT count(*),
           -- Every aggregate passes over NULL: what cannot be answered is answered with false.
           bool_and(coalesce(
               i.asset_id = parent.asset_id AND i.region_id = parent.region_id
               AND i.first_no >= parent.first_no AND i.last_no <= parent.last_no
               AND parent.transaction_id < v_id
               AND parent.account_id = p_source
               AND (i.account_id = p_source OR i.account_id = p_target)
               AND batch.commodity_id = v_commodity
               AND (SELECT s.transaction_id FROM ledger.transaction_item_inputs s
                    WHERE s.item_id = i.input_id) = v_id, false))
               AND bool_or(i.first_no = parent.first_no) AND bool_or(i.last_no = parent.last_no)
               AND sum(i.volume) = max(parent.volume),
           sum(i.volume) FILTER (WHERE i.account_id <> parent.account_id),
           min(i.asset_id),
           string_agg(record_send((i.first_no, i.last_no, i.account_id, i.region_id, parent.first_no)),
                      '' ORDER BY i.first_no),
           (SELECT count(*) FROM ledger.transaction_item_inputs s
            WHERE s.transaction_id = v_id)
    INTO v_blocks, v_blocks_plain, v_moved, v_asset, v_block_bytes, v_consumed
    FROM ledger.transaction_items i
    LEFT JOIN ledger.transaction_items parent ON parent.id = i.input_id
    LEFT JOIN ledger.assets batch ON batch.id = i.asset_id
    WHERE i.transaction_id = v_id;

    SELECT count(*),
           bool_and(coalesce(
               p.asset_id = v_asset
               AND CASE p.line WHEN 1 THEN p.account_id = p_source AND p.debit = v_moved
                               WHEN 2 THEN p.account_id = p_target AND p.credit = v_moved END, false)),
           string_agg(record_send((p.account_id, p.commodity_id, a.first_no, p.credit, p.debit,
                                   p.balance_after)), '' ORDER BY p.line)
    INTO v_postings, v_postings_plain, v_posting_bytes
    FROM ledger.credits_debits p
    LEFT JOIN ledger.assets a ON a.id = p.asset_id
    WHERE p.transaction_id = v_id;

    v_look.moved := v_moved;
    v_look.plain := v_consumed = 1 AND v_blocks <= 2 AND v_blocks_plain
                    AND v_postings = 2 AND v_postings_plain AND p_source <> p_target;
    v_look.content := record_send((
        convert_to(p_transaction.kind, 'UTF8'), p_transaction.request_id, p_transaction.actor_id,
        v_commodity, p_transaction.occurred_at, v_consumed, v_blocks, v_block_bytes, v_postings,
        v_posting_bytes, CASE WHEN p_transaction.kind IN ('mint', 'retire')
                              THEN ledger.more_content(p_transaction) END));
    RETURN v_look;
END
$$;

-- MORE_CONTENT: what a mint says of its batch, and a retirement of its claim.
CREATE OR REPLACE FUNCTION ledger.more_content(p_transaction ledger.transactions) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_more bytea;
BEGIN
    IF p_transaction.kind = 'mint' THEN
        SELECT uuid_send(a.facility_id) || int4send(a.region_id)
            || int8send(a.first_no) || int8send(a.last_no)
            || int4send(a.production_start - date '2000-01-01')
            || int4send(a.production_end - date '2000-01-01')
            || int8send(coalesce((extract(epoch FROM a.transferable_until) * 1000000)::bigint, 0))
            || int8send(coalesce((extract(epoch FROM a.expires_at) * 1000000)::bigint, 0))
            || int4send(coalesce(octet_length(a.source_serial), 0))
            || convert_to(coalesce(a.source_serial, ''), 'UTF8')
        INTO v_more
        FROM ledger.assets a WHERE a.transaction_id = p_transaction.id;
    ELSIF p_transaction.kind = 'retire' THEN
        SELECT int4send(octet_length(r.beneficiary)) || convert_to(r.beneficiary, 'UTF8')
            || int4send(octet_length(r.beneficiary_country))
            || convert_to(r.beneficiary_country, 'UTF8')
            || int4send(octet_length(r.beneficiary_place))
            || convert_to(r.beneficiary_place, 'UTF8')
            || int4send(octet_length(r.reason)) || convert_to(r.reason, 'UTF8')
            || int4send(coalesce(r.consumption_start - date '2000-01-01', 0))
            || int4send(coalesce(r.consumption_end - date '2000-01-01', 0))
        INTO v_more
        FROM public.registry_request r WHERE r.id = p_transaction.request_id;
    END IF;
    RETURN coalesce(v_more, '');
END
$$;

-- TRANSACTION_CONTENT: everything a transaction says: see LOOK_AT.
CREATE OR REPLACE FUNCTION ledger.transaction_content(p_transaction ledger.transactions)
RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_look ledger.look := ledger.look_at(p_transaction, NULL, NULL);
BEGIN
    RETURN v_look.content;
END
$$;

-- LINK_HASH: the hash of one link: of the link below it, its height, and its content.
CREATE OR REPLACE FUNCTION ledger.link_hash(p_prev_hash bytea, p_height bigint, p_content bytea)
RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(p_prev_hash || int8send(p_height) || p_content)
$$;

REVOKE ALL ON FUNCTION
    ledger.look_at(ledger.transactions, uuid, uuid),
    ledger.more_content(ledger.transactions),
    ledger.transaction_content(ledger.transactions),
    ledger.link_hash(bytea, bigint, bytea)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.look_at(ledger.transactions, uuid, uuid),
    ledger.more_content(ledger.transactions),
    ledger.transaction_content(ledger.transactions),
    ledger.link_hash(bytea, bigint, bytea)
TO portal_web, ledger_auditor;

RESET ROLE;
