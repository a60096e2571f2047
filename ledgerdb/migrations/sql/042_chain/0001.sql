-- CHAIN: what a transaction says, and the hash that covers it. Used when a link is made (040) and when
-- it is verified (090).

SET ROLE ledger_check;

-- What is hashed: everything that a transaction says, in one canonical sequence of bytes: rows as
-- PostgreSQL's binary protocol sends them (count of columns; of each its type, its length and its
-- bytes), integers of fixed width, instants as microseconds since 2000, text as UTF-8 bytes. Nothing
-- depends on a session's settings. Blocks are named by their numbers and not by row ids, and
-- recorded_at is left out, so that the same history replayed into another database has the same
-- hashes. A retirement's claim (for whom, where, when, why) stands on its request and is covered too.

-- BLOCK_CONTENT: what a new block says: its numbers, and the first one of the block it was cut from.
CREATE OR REPLACE FUNCTION ledger.block_content(
    p_first_no bigint, p_last_no bigint, p_account_id uuid, p_region_id integer, p_parent_no bigint)
RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT record_send((p_first_no, p_last_no, p_account_id, p_region_id, p_parent_no))
$$;

-- POSTING_CONTENT: what a posting says, its batch by the batch's first number.
CREATE OR REPLACE FUNCTION ledger.posting_content(
    p_account_id uuid, p_commodity_id integer, p_batch_no bigint, p_credit bigint, p_debit bigint,
    p_balance_after bigint) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT record_send((p_account_id, p_commodity_id, p_batch_no, p_credit, p_debit, p_balance_after))
$$;

-- WHOLE_CONTENT: what a transaction says: its header, then its blocks by number, then its postings by
-- line, each preceded by their count; then what only its kind says (MORE_CONTENT).
CREATE OR REPLACE FUNCTION ledger.whole_content(
    p_kind text, p_request_id uuid, p_actor_id uuid, p_commodity_id integer,
    p_occurred_at timestamptz, p_consumed bigint, p_created bigint, p_blocks bytea,
    p_postings bigint, p_lines bytea, p_more bytea) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT record_send((convert_to(p_kind, 'UTF8'), p_request_id, p_actor_id, p_commodity_id,
                        p_occurred_at, p_consumed, p_created, p_blocks, p_postings, p_lines, p_more))
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

-- TRANSACTION_CONTENT: everything a transaction says, as it is stored.
CREATE OR REPLACE FUNCTION ledger.transaction_content(p_transaction ledger.transactions)
RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_id bigint := p_transaction.id;
    v_consumed bigint;
    v_created bigint;
    v_blocks bytea;
    v_postings bigint;
    v_lines bytea;
BEGIN
    SELECT count(*),
           string_agg(ledger.block_content(i.first_no, i.last_no, i.account_id, i.region_id, (
                          SELECT parent.first_no FROM ledger.transaction_items parent
                          WHERE parent.id = i.input_id)), '' ORDER BY i.first_no),
           (SELECT count(*) FROM ledger.transaction_item_inputs s WHERE s.transaction_id = v_id)
    INTO v_created, v_blocks, v_consumed
    FROM ledger.transaction_items i WHERE i.transaction_id = v_id;

    SELECT count(*),
           string_agg(ledger.posting_content(p.account_id, p.commodity_id, (
                          SELECT a.first_no FROM ledger.assets a WHERE a.id = p.asset_id),
                          p.credit, p.debit, p.balance_after), '' ORDER BY p.line)
    INTO v_postings, v_lines
    FROM ledger.credits_debits p WHERE p.transaction_id = v_id;

    RETURN ledger.whole_content(
        p_transaction.kind, p_transaction.request_id, p_transaction.actor_id,
        p_transaction.commodity_id, p_transaction.occurred_at, v_consumed, v_created, v_blocks,
        v_postings, v_lines,
        CASE WHEN p_transaction.kind IN ('mint', 'retire')
             THEN ledger.more_content(p_transaction) END);
END
$$;

-- LINK_HASH: the hash of one link: of the link below it, its height, and its content.
CREATE OR REPLACE FUNCTION ledger.link_hash(p_prev_hash bytea, p_height bigint, p_content bytea)
RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(p_prev_hash || int8send(p_height) || p_content)
$$;

REVOKE ALL ON FUNCTION
    ledger.block_content(bigint, bigint, uuid, integer, bigint),
    ledger.posting_content(uuid, integer, bigint, bigint, bigint, bigint),
    ledger.whole_content(text, uuid, uuid, integer, timestamptz, bigint, bigint, bytea, bigint, bytea,
                         bytea),
    ledger.more_content(ledger.transactions),
    ledger.transaction_content(ledger.transactions),
    ledger.link_hash(bytea, bigint, bytea)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.block_content(bigint, bigint, uuid, integer, bigint),
    ledger.posting_content(uuid, integer, bigint, bigint, bigint, bigint),
    ledger.whole_content(text, uuid, uuid, integer, timestamptz, bigint, bigint, bytea, bigint, bytea,
                         bytea),
    ledger.more_content(ledger.transactions),
    ledger.transaction_content(ledger.transactions),
    ledger.link_hash(bytea, bigint, bytea)
TO portal_web, ledger_auditor;
GRANT EXECUTE ON FUNCTION
    ledger.block_content(bigint, bigint, uuid, integer, bigint),
    ledger.posting_content(uuid, integer, bigint, bigint, bigint, bigint),
    ledger.whole_content(text, uuid, uuid, integer, timestamptz, bigint, bigint, bytea, bigint, bytea,
                         bytea),
    ledger.more_content(ledger.transactions),
    ledger.link_hash(bytea, bigint, bytea)
TO ledger_deriver;

RESET ROLE;
