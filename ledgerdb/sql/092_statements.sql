-- STATEMENTS: the statement of a retirement, its reference, and how anybody checks one.
--
-- Nothing is stored: a statement is what the ledger says, and its reference follows from the link of
-- the chain. So every executed retirement has exactly one, replayed history included, and there is no
-- second record that could drift. All STABLE and SECURITY INVOKER, as the reads (080).

SET ROLE ledger_owner;

-- BASE32: a number in Crockford's 32 symbols (no I, L, O or U), at least so many of them.
CREATE OR REPLACE FUNCTION ledger.base32(p_number bigint, p_least integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_text text := '';
    v_rest bigint := p_number;
BEGIN
    WHILE v_rest > 0 OR length(v_text) < p_least LOOP
        v_text := substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (v_rest % 32)::integer + 1, 1) || v_text;
        v_rest := v_rest / 32;
    END LOOP;
    RETURN v_text;
END
$$;

-- BASE32_NUMBER: the number that such symbols stand for; empty for anything else.
CREATE OR REPLACE FUNCTION ledger.base32_number(p_symbols text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_number bigint := 0;
    v_symbol text;
BEGIN
    IF p_symbols IS NULL OR p_symbols !~ '^[0-9A-HJKMNP-TV-Z]{1,12}$' THEN
        RETURN NULL;
    END IF;
    FOREACH v_symbol IN ARRAY string_to_array(p_symbols, NULL) LOOP
        v_number := v_number * 32 + position(v_symbol IN '0123456789ABCDEFGHJKMNPQRSTVWXYZ') - 1;
    END LOOP;
    RETURN v_number;
END
$$;

-- BASE32_CHECK: the symbol that follows so that a mistyped symbol or two exchanged ones are noticed: a
-- polynomial over the field of 32 elements (x^5 + x^2 + 1), with a different weight at each place.
CREATE OR REPLACE FUNCTION ledger.base32_check(p_symbols text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_sum integer := 0;
    v_symbol text;
BEGIN
    FOREACH v_symbol IN ARRAY string_to_array(p_symbols, NULL) LOOP
        v_sum := v_sum # (position(v_symbol IN '0123456789ABCDEFGHJKMNPQRSTVWXYZ') - 1);
        v_sum := (v_sum << 1) # CASE WHEN v_sum > 15 THEN 37 ELSE 0 END;
    END LOOP;
    RETURN ledger.base32(v_sum, 1);
END
$$;

-- STATEMENT_REFERENCE: what a statement is found by. Ten symbols that nobody can guess, the height of the
-- link in at least five, and a check symbol.
--
-- The ten are the first 50 bits of a digest of the link's hash and the request's id. So a reference
-- vouches for what it leads to: who changes a retirement, and all hashes after it, changes its
-- reference. The id is never shown: who publishes a hash to anchor the chain publishes no reference.
CREATE OR REPLACE FUNCTION ledger.statement_reference(
    p_request_id uuid, p_height bigint, p_hash bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_digest bytea := sha256(convert_to('strata statement', 'UTF8') || uuid_send(p_request_id) || p_hash);
    v_proof bigint := ('x' || encode(substring(v_digest, 1, 7), 'hex'))::bit(56)::bigint >> 6;
    v_symbols text := ledger.base32(v_proof, 10) || ledger.base32(p_height, 5);
BEGIN
    RETURN v_symbols || ledger.base32_check(v_symbols);
END
$$;

-- STATEMENT_OF: the transaction whose statement has this reference; empty when there is none. Looks at
-- one link of each commodity, and compares the whole reference: nothing comes of one that is nearly
-- right. Should two retirements ever share one, it leads to neither.
CREATE OR REPLACE FUNCTION ledger.statement_of(p_reference text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT min(t.id)
    FROM public.registry_commodity c
    JOIN ledger.chain ch ON ch.commodity_id = c.id
     AND ch.height = ledger.base32_number(substr(p_reference, 11, greatest(length(p_reference) - 11, 0)))
    JOIN ledger.transactions t ON t.id = ch.transaction_id AND t.kind = 'retire'
    WHERE length(p_reference) BETWEEN 16 AND 20
      AND ledger.statement_reference(t.request_id, ch.height, ch.hash) = p_reference
    HAVING count(*) = 1
$$;

-- STATEMENT_RANGES: what was retired, by number: blocks of one batch and region whose numbers follow each
-- other are one range. The first so many (empty: all) that start after a number.
CREATE OR REPLACE FUNCTION ledger.statement_ranges(
    p_transaction_id bigint, p_after bigint, p_limit integer)
RETURNS TABLE (first_no bigint, last_no bigint, volume bigint, facility text, technology text,
               region text, production_start date, production_end date)
LANGUAGE sql STABLE AS $$
    SELECT part.first_no, part.last_no, part.volume, f.name, f.technology, g.name,
           b.production_start, b.production_end
    FROM (
        SELECT block.asset_id, block.region_id, min(block.first_no) AS first_no,
               max(block.last_no) AS last_no, sum(block.volume)::bigint AS volume
        FROM (
            SELECT i.asset_id, i.region_id, i.first_no, i.last_no, i.volume,
                   i.last_no - sum(i.volume) OVER (
                       PARTITION BY i.asset_id, i.region_id ORDER BY i.first_no) AS before
            FROM ledger.transactions t
            JOIN public.registry_request r ON r.id = t.request_id
            JOIN ledger.transaction_items i ON i.transaction_id = t.id AND i.account_id = r.target_id
            WHERE t.id = p_transaction_id AND t.kind = 'retire') block
        GROUP BY block.asset_id, block.region_id, block.before) part
    JOIN ledger.assets b ON b.id = part.asset_id
    JOIN public.registry_facility f ON f.id = b.facility_id
    JOIN public.registry_region g ON g.id = part.region_id
    WHERE part.first_no > p_after
    ORDER BY part.first_no
    LIMIT p_limit
$$;

-- STATEMENT: what the statement of a retirement says; no row for any other transaction.
CREATE OR REPLACE FUNCTION ledger.statement(p_transaction_id bigint)
RETURNS TABLE (reference text, transaction_id bigint, number text, height bigint, hash text,
               occurred_at timestamptz, recorded_at timestamptz, request_number bigint,
               organisation text, commodity text, commodity_name text, unit text,
               unit_per_certificate integer, volume bigint, ranges bigint, claim_published boolean,
               beneficiary text, beneficiary_country text, beneficiary_place text, reason text,
               consumption_start date, consumption_end date)
LANGUAGE sql STABLE AS $$
    SELECT ledger.statement_reference(t.request_id, ch.height, ch.hash), t.id,
           c.code || '-' || ch.height, ch.height, encode(ch.hash, 'hex'), t.occurred_at, t.recorded_at,
           r.number, o.name, c.code, c.name, c.unit, c.unit_per_certificate, retired.volume,
           retired.ranges, r.claim_published, r.beneficiary, r.beneficiary_country,
           r.beneficiary_place, r.reason, r.consumption_start, r.consumption_end
    FROM ledger.transactions t
    JOIN ledger.chain ch ON ch.transaction_id = t.id
    JOIN public.registry_commodity c ON c.id = t.commodity_id
    JOIN public.registry_request r ON r.id = t.request_id
    JOIN public.registry_account a ON a.id = r.target_id
    JOIN public.registry_organisation o ON o.id = a.organisation_id
    CROSS JOIN LATERAL (
        SELECT sum(part.volume)::bigint AS volume, count(*) AS ranges
        FROM ledger.statement_ranges(t.id, 0, NULL) part) retired
    WHERE t.id = p_transaction_id AND t.kind = 'retire'
$$;

-- CHECK_STATEMENT: whether the ledger still says so, worked out now: the link's hash from what is stored,
-- and how many of the retired blocks are still where they were retired to, unspent.
CREATE OR REPLACE FUNCTION ledger.check_statement(p_transaction_id bigint)
RETURNS TABLE (link_holds boolean, blocks bigint, blocks_retired bigint)
LANGUAGE sql STABLE AS $$
    SELECT ledger.verify_chain(t.commodity_id, ch.height, ch.height) IS NULL,
           found.blocks, found.blocks_retired
    FROM ledger.transactions t
    JOIN ledger.chain ch ON ch.transaction_id = t.id
    JOIN public.registry_request r ON r.id = t.request_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS blocks,
               count(*) FILTER (WHERE a.type = 'retirement' AND l.account_id = i.account_id
                                AND s.item_id IS NULL) AS blocks_retired
        FROM ledger.transaction_items i
        JOIN public.registry_account a ON a.id = i.account_id
        LEFT JOIN ledger.leaves l ON l.item_id = i.id
        LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.id
        WHERE i.transaction_id = t.id AND i.account_id = r.target_id) found
    WHERE t.id = p_transaction_id AND t.kind = 'retire'
$$;

-- PUBLIC_STATEMENT: all that somebody who only knows a reference may read, and the check. Of a claim that
-- was not published, nothing that somebody typed.
CREATE OR REPLACE FUNCTION ledger.public_statement(p_reference text)
RETURNS TABLE (reference text, transaction_id bigint, number text, height bigint, hash text,
               occurred_at timestamptz, recorded_at timestamptz, organisation text, commodity text,
               commodity_name text, unit text, unit_per_certificate integer, volume bigint,
               ranges bigint, claim_published boolean, beneficiary text, beneficiary_country text,
               beneficiary_place text, reason text, consumption_start date, consumption_end date,
               link_holds boolean, blocks bigint, blocks_retired bigint)
LANGUAGE sql STABLE AS $$
    SELECT s.reference, s.transaction_id, s.number, s.height, s.hash, s.occurred_at, s.recorded_at,
           s.organisation, s.commodity, s.commodity_name, s.unit, s.unit_per_certificate, s.volume,
           s.ranges, s.claim_published,
           CASE WHEN s.claim_published THEN s.beneficiary ELSE '' END,
           CASE WHEN s.claim_published THEN s.beneficiary_country ELSE '' END,
           CASE WHEN s.claim_published THEN s.beneficiary_place ELSE '' END,
           CASE WHEN s.claim_published THEN s.reason ELSE '' END,
           CASE WHEN s.claim_published THEN s.consumption_start END,
           CASE WHEN s.claim_published THEN s.consumption_end END,
           c.link_holds, c.blocks, c.blocks_retired
    FROM ledger.statement_of(p_reference) found (id)
    CROSS JOIN LATERAL ledger.statement(found.id) s
    CROSS JOIN LATERAL ledger.check_statement(found.id) c
$$;

REVOKE ALL ON FUNCTION
    ledger.base32(bigint, integer), ledger.base32_number(text), ledger.base32_check(text),
    ledger.statement_reference(uuid, bigint, bytea), ledger.statement_of(text),
    ledger.statement(bigint), ledger.statement_ranges(bigint, bigint, integer),
    ledger.check_statement(bigint), ledger.public_statement(text)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.base32(bigint, integer), ledger.base32_number(text), ledger.base32_check(text),
    ledger.statement_reference(uuid, bigint, bytea), ledger.statement_of(text),
    ledger.statement(bigint), ledger.statement_ranges(bigint, bigint, integer),
    ledger.check_statement(bigint), ledger.public_statement(text)
TO portal_web, ledger_auditor;

-- Whether a claim is published belongs to the content of a request: see 045_requests.sql.
GRANT UPDATE (claim_published) ON public.registry_request TO portal_web;

RESET ROLE;
