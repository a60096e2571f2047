-- CHAIN: what a link's hash covers. Used when a link is made (040) and when it is verified (090).

SET ROLE ledger_check;

-- TRANSACTION_CONTENT: everything a transaction says, in one canonical sequence of bytes: integers
-- of fixed width, uuids, instants as microseconds of the epoch, text preceded by its length, lists
-- preceded by their count. Nothing depends on a session's settings. Blocks are named by their
-- numbers and not by row ids, and recorded_at is left out, so that the same history replayed into
-- another database has the same hashes. A retirement's claim (for whom, where, when, why) stands on
-- its request and is covered too.
CREATE OR REPLACE FUNCTION ledger.transaction_content(p_transaction ledger.transactions)
RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_lines bytea;
    v_more bytea;
BEGIN
    -- One pass: the header's lines counted by kind (0 inputs, 1 blocks, 2 postings), then the lines.
    SELECT int4send((count(*) FILTER (WHERE line.part = 0))::integer)
        || int4send((count(*) FILTER (WHERE line.part = 1))::integer)
        || int4send((count(*) FILTER (WHERE line.part = 2))::integer)
        || coalesce(string_agg(line.bytes, '' ORDER BY line.part, line.place), '')
    INTO v_lines
    FROM (
        SELECT 0 AS part, i.first_no AS place, int8send(i.first_no) || int8send(i.last_no) AS bytes
        FROM ledger.transaction_item_inputs s JOIN ledger.transaction_items i ON i.id = s.item_id
        WHERE s.transaction_id = p_transaction.id
        UNION ALL
        SELECT 1, i.first_no, int8send(i.first_no) || int8send(i.last_no)
                              || uuid_send(i.account_id) || int4send(i.region_id)
        FROM ledger.transaction_items i WHERE i.transaction_id = p_transaction.id
        UNION ALL
        SELECT 2, p.line, uuid_send(p.account_id) || int8send(coalesce(a.first_no, 0))
                          || int8send(p.credit) || int8send(p.debit) || int8send(p.balance_after)
        FROM ledger.credits_debits p LEFT JOIN ledger.assets a ON a.id = p.asset_id
        WHERE p.transaction_id = p_transaction.id
    ) line;

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
    RETURN int4send(octet_length(p_transaction.kind)) || convert_to(p_transaction.kind, 'UTF8')
        || uuid_send(p_transaction.request_id) || uuid_send(p_transaction.actor_id)
        || int4send(p_transaction.commodity_id)
        || int8send((extract(epoch FROM p_transaction.occurred_at) * 1000000)::bigint)
        || v_lines || coalesce(v_more, '');
END
$$;

-- LINK_HASH: the hash of one link: of the link below it, its height, and its content.
CREATE OR REPLACE FUNCTION ledger.link_hash(
    p_prev_hash bytea, p_height bigint, p_transaction ledger.transactions) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN sha256(p_prev_hash || int8send(p_height) || ledger.transaction_content(p_transaction));
END
$$;

REVOKE ALL ON FUNCTION ledger.transaction_content(ledger.transactions) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.link_hash(bytea, bigint, ledger.transactions) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.transaction_content(ledger.transactions), ledger.link_hash(bytea, bigint, ledger.transactions)
    TO portal_web, ledger_auditor, ledger_writer;

RESET ROLE;
