-- SUMS: what of each batch, facility and region was held, retired and expired, at some heights of its
-- commodity's chain (the stops). Derived, rebuildable from the canonical tables alone; written by each
-- reconciliation and by no transaction, so that nobody who transfers waits for it. A sum at any height
-- is the one kept at the last stop below, and the flow since: a question reads a stretch of the chain,
-- and not all that ever happened to a batch.

SET ROLE ledger_owner;

-- One row: one height up to which sums are kept.
CREATE TABLE IF NOT EXISTS ledger.stops (
    commodity_id integer NOT NULL,
    height bigint NOT NULL,
    CONSTRAINT stops_pk PRIMARY KEY (commodity_id, height)
);

-- One row: the sums of one batch, one facility or one region at one stop, if they had changed since
-- the stop below. `came` and `went`: between regions, and as often as they moved: of any size.
CREATE TABLE IF NOT EXISTS ledger.sums (
    commodity_id integer NOT NULL,
    height bigint NOT NULL,
    asset_id bigint,
    facility_id uuid,
    region_id integer,
    minted bigint NOT NULL,
    came numeric NOT NULL,
    went numeric NOT NULL,
    held bigint NOT NULL,
    retired bigint NOT NULL,
    expired bigint NOT NULL,
    CONSTRAINT sums_of_one_ck CHECK (num_nonnulls(asset_id, facility_id, region_id) = 1)
);
CREATE UNIQUE INDEX IF NOT EXISTS sums_batch_uq
    ON ledger.sums (asset_id, height) WHERE asset_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS sums_facility_uq
    ON ledger.sums (facility_id, commodity_id, height) WHERE facility_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS sums_region_uq
    ON ledger.sums (region_id, commodity_id, height) WHERE region_id IS NOT NULL;

GRANT SELECT, INSERT ON ledger.stops, ledger.sums TO ledger_check;
GRANT SELECT ON ledger.stops, ledger.sums TO portal_web, ledger_auditor;

-- FLOW: what the transactions above one height and up to another minted, and what they added to and
-- took from where certificates are: one row a transaction, batch and region. Minted is read from the
-- batches and the rest from the blocks: neither could be wrong together with the other.
CREATE OR REPLACE FUNCTION ledger.flow(p_commodity_id integer, p_above bigint, p_height bigint)
RETURNS TABLE (height bigint, asset_id bigint, region_id integer, minted bigint, came bigint,
               went bigint, held bigint, retired bigint, expired bigint)
LANGUAGE sql STABLE AS $$
    SELECT link.height, part.asset_id, part.region_id, sum(part.minted)::bigint,
           CASE WHEN link.moves THEN greatest(sum(part.volume), 0)::bigint ELSE 0 END,
           CASE WHEN link.moves THEN greatest(-sum(part.volume), 0)::bigint ELSE 0 END,
           coalesce(sum(part.volume) FILTER (WHERE part.type = 'trading'), 0)::bigint,
           coalesce(sum(part.volume) FILTER (WHERE part.type = 'retirement'), 0)::bigint,
           coalesce(sum(part.volume) FILTER (WHERE part.type = 'expiry'), 0)::bigint
    FROM (SELECT c.height, c.transaction_id,
                 (SELECT t.kind FROM ledger.transactions t WHERE t.id = c.transaction_id)
                     = 'reassign_region' AS moves
          FROM ledger.chain c
          WHERE c.commodity_id = p_commodity_id AND c.height > p_above AND c.height <= p_height) link
    CROSS JOIN LATERAL (
        SELECT a.id AS asset_id, a.region_id, a.volume AS minted, 0::bigint AS volume, '' AS type
        FROM ledger.assets a WHERE a.transaction_id = link.transaction_id
        UNION ALL
        SELECT i.asset_id, i.region_id, 0, i.volume,
               (SELECT h.type FROM public.registry_account h WHERE h.id = i.account_id)
        FROM ledger.transaction_items i WHERE i.transaction_id = link.transaction_id
        UNION ALL
        SELECT p.asset_id, p.region_id, 0, -p.volume,
               (SELECT h.type FROM public.registry_account h WHERE h.id = p.account_id)
        FROM ledger.transaction_item_inputs s
        JOIN ledger.transaction_items p ON p.id = s.item_id
        WHERE s.transaction_id = link.transaction_id) part
    GROUP BY link.height, link.moves, part.asset_id, part.region_id
$$;

-- SUM_UP: keep the sums at the newest height of each chain, and between the last stop and there as
-- often as 1,000 blocks were made. Says how many stops there are of what was new. Two may run at once: a
-- sum follows from its height alone, so both keep the same. One waits for another that has not committed,
-- but not for long: whoever may ask for a reconciliation could keep every other from happening.
CREATE OR REPLACE FUNCTION ledger.sum_up() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET lock_timeout = '1s' AS $$
DECLARE
    c_blocks CONSTANT bigint := 1000;
    v_chain record;
    v_added bigint := 0;
BEGIN
    FOR v_chain IN
        SELECT c.id, (SELECT max(ch.height) FROM ledger.chain ch
                      WHERE ch.commodity_id = c.id) AS top,
               coalesce((SELECT max(s.height) FROM ledger.stops s
                         WHERE s.commodity_id = c.id), 0) AS last
        FROM public.registry_commodity c
    LOOP
        CONTINUE WHEN v_chain.top IS NULL OR v_chain.top = v_chain.last;
        INSERT INTO ledger.stops (commodity_id, height)
        SELECT v_chain.id, max(link.height)
        FROM (SELECT ch.height, sum((SELECT count(*) FROM ledger.transaction_items i
                                     WHERE i.transaction_id = ch.transaction_id))
                                    OVER (ORDER BY ch.height) AS blocks
              FROM ledger.chain ch
              WHERE ch.commodity_id = v_chain.id AND ch.height > v_chain.last
                AND ch.height <= v_chain.top) link
        GROUP BY div(link.blocks, c_blocks)
        ON CONFLICT DO NOTHING;
        v_added := v_added + (SELECT count(*) FROM ledger.stops s
                              WHERE s.commodity_id = v_chain.id AND s.height > v_chain.last);
        PERFORM ledger.keep_sums(v_chain.id, v_chain.last);
    END LOOP;
    RETURN v_added;
END
$$;

-- KEEP_SUMS: the sums at each stop of a commodity above one that has them.
CREATE OR REPLACE FUNCTION ledger.keep_sums(p_commodity_id integer, p_above bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    INSERT INTO ledger.sums (commodity_id, height, asset_id, facility_id, region_id,
                             minted, came, went, held, retired, expired)
    SELECT p_commodity_id, part.height, part.asset_id, part.facility_id, part.region_id,
           coalesce(last.minted, 0) + sum(part.minted) OVER up,
           coalesce(last.came, 0) + sum(part.came) OVER up,
           coalesce(last.went, 0) + sum(part.went) OVER up,
           coalesce(last.held, 0) + sum(part.held) OVER up,
           coalesce(last.retired, 0) + sum(part.retired) OVER up,
           coalesce(last.expired, 0) + sum(part.expired) OVER up
    FROM (SELECT stop.height, f.asset_id, a.facility_id, f.region_id, sum(f.minted) AS minted,
                 sum(f.came) AS came, sum(f.went) AS went, sum(f.held) AS held,
                 sum(f.retired) AS retired, sum(f.expired) AS expired
          FROM (SELECT s.height, lag(s.height, 1, p_above) OVER (ORDER BY s.height) AS below
                FROM ledger.stops s
                WHERE s.commodity_id = p_commodity_id AND s.height > p_above) stop
          CROSS JOIN LATERAL ledger.flow(p_commodity_id, stop.below, stop.height) f
          JOIN ledger.assets a ON a.id = f.asset_id
          GROUP BY stop.height, GROUPING SETS ((f.asset_id), (a.facility_id), (f.region_id))) part
    LEFT JOIN LATERAL (
        (SELECT s.* FROM ledger.sums s
         WHERE s.asset_id = part.asset_id AND s.height <= p_above
         ORDER BY s.height DESC LIMIT 1)
        UNION ALL
        (SELECT s.* FROM ledger.sums s
         WHERE s.facility_id = part.facility_id AND s.commodity_id = p_commodity_id
           AND s.height <= p_above
         ORDER BY s.height DESC LIMIT 1)
        UNION ALL
        (SELECT s.* FROM ledger.sums s
         WHERE s.region_id = part.region_id AND s.commodity_id = p_commodity_id
           AND s.height <= p_above
         ORDER BY s.height DESC LIMIT 1)) last ON true
    WINDOW up AS (PARTITION BY part.asset_id, part.facility_id, part.region_id ORDER BY part.height)
    ON CONFLICT DO NOTHING
$$;

-- SUMS_DRIFT: how many batches, facilities and regions differ, now, from what all batches and all
-- unspent blocks give: their last kept sums, and the flow since. Of what came to a region and what left
-- it, only the difference can be held against the blocks of now.
CREATE OR REPLACE FUNCTION ledger.sums_drift() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH stop AS (
        SELECT c.id AS commodity_id, coalesce(max(s.height), 0) AS height
        FROM public.registry_commodity c LEFT JOIN ledger.stops s ON s.commodity_id = c.id
        GROUP BY c.id
    ), kept AS (
        SELECT part.commodity_id, part.asset_id, part.facility_id, part.region_id,
               sum(part.minted) AS minted, sum(part.moved) AS moved, sum(part.held) AS held,
               sum(part.retired) AS retired, sum(part.expired) AS expired
        FROM (SELECT DISTINCT ON (s.commodity_id, s.asset_id, s.facility_id, s.region_id)
                     s.commodity_id, s.asset_id, s.facility_id, s.region_id, s.minted,
                     s.came - s.went AS moved, s.held, s.retired, s.expired
              FROM ledger.sums s
              ORDER BY s.commodity_id, s.asset_id, s.facility_id, s.region_id, s.height DESC) part
        GROUP BY 1, 2, 3, 4
    ), late AS (
        SELECT stop.commodity_id, f.asset_id, a.facility_id, f.region_id, sum(f.minted) AS minted,
               sum(f.came - f.went) AS moved, sum(f.held) AS held, sum(f.retired) AS retired,
               sum(f.expired) AS expired
        FROM stop
        CROSS JOIN LATERAL ledger.flow(stop.commodity_id, stop.height, 9223372036854775807) f
        JOIN ledger.assets a ON a.id = f.asset_id
        GROUP BY stop.commodity_id, GROUPING SETS ((f.asset_id), (a.facility_id), (f.region_id))
    ), said AS (
        SELECT u.commodity_id, u.asset_id, u.facility_id, u.region_id, sum(u.minted) AS minted,
               sum(u.moved) AS moved, sum(u.held) AS held, sum(u.retired) AS retired,
               sum(u.expired) AS expired
        FROM (SELECT * FROM kept UNION ALL SELECT * FROM late) u
        GROUP BY 1, 2, 3, 4
    ), given AS (
        SELECT a.commodity_id, u.asset_id, a.facility_id, u.region_id, sum(u.minted) AS minted,
               CASE WHEN u.region_id IS NULL THEN 0 ELSE sum(u.volume) - sum(u.minted) END AS moved,
               coalesce(sum(u.volume) FILTER (WHERE u.type = 'trading'), 0) AS held,
               coalesce(sum(u.volume) FILTER (WHERE u.type = 'retirement'), 0) AS retired,
               coalesce(sum(u.volume) FILTER (WHERE u.type = 'expiry'), 0) AS expired
        FROM (SELECT a.id AS asset_id, a.region_id, a.volume AS minted, 0 AS volume, '' AS type
              FROM ledger.assets a
              UNION ALL
              SELECT i.asset_id, i.region_id, 0, i.volume, h.type
              FROM ledger.transaction_items i
              JOIN public.registry_account h ON h.id = i.account_id
              LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.id
              WHERE s.item_id IS NULL) u
        JOIN ledger.assets a ON a.id = u.asset_id
        GROUP BY a.commodity_id, GROUPING SETS ((u.asset_id), (a.facility_id), (u.region_id))
    )
    SELECT count(*)
    FROM said
    FULL JOIN given
      ON (given.commodity_id, coalesce(given.asset_id::text, given.facility_id::text,
                                       given.region_id::text))
       = (said.commodity_id, coalesce(said.asset_id::text, said.facility_id::text,
                                      said.region_id::text))
     AND (given.asset_id IS NULL) = (said.asset_id IS NULL)
     AND (given.facility_id IS NULL) = (said.facility_id IS NULL)
    WHERE (said.minted, said.moved, said.held, said.retired, said.expired)
        IS DISTINCT FROM (given.minted, given.moved, given.held, given.retired, given.expired)
      -- A region that was left again holds nothing any more.
      AND NOT (given.commodity_id IS NULL AND said.minted = 0 AND said.moved = 0 AND said.held = 0
               AND said.retired = 0 AND said.expired = 0)
$$;

-- REBUILD_SUMS: drop all kept sums and keep them anew from the history. The owner's alone.
CREATE OR REPLACE FUNCTION ledger.rebuild_sums() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    TRUNCATE ledger.stops, ledger.sums;
    RETURN ledger.sum_up();
END
$$;

REVOKE ALL ON FUNCTION
    ledger.flow(integer, bigint, bigint), ledger.sum_up(), ledger.keep_sums(integer, bigint),
    ledger.sums_drift(), ledger.rebuild_sums()
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.flow(integer, bigint, bigint), ledger.sums_drift()
    TO ledger_check, portal_web, ledger_auditor;
GRANT EXECUTE ON FUNCTION ledger.sum_up(), ledger.keep_sums(integer, bigint) TO ledger_check;

RESET ROLE;
