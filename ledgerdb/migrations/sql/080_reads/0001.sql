-- READS: what auditors and pages ask. All STABLE: one snapshot each. SECURITY INVOKER: whoever may
-- not SELECT the tables gets nothing.
--
-- "As of an instant" is, per commodity, a position: the last transaction that occurred up to it.
-- Within a commodity ids, heights and times grow together, so the position is one id.

SET ROLE ledger_owner;

-- POSITION_AT: the id of a commodity's last transaction up to an instant; empty before the first.
CREATE OR REPLACE FUNCTION ledger.position_at(p_commodity_id integer, p_at timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT t.id FROM ledger.transactions t
    WHERE t.commodity_id = p_commodity_id AND t.occurred_at <= p_at
    ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1
$$;

-- HOLDINGS_AS_OF: the blocks that an account held at an instant.
CREATE OR REPLACE FUNCTION ledger.holdings_as_of(p_account_id uuid, p_at timestamptz)
RETURNS TABLE (block_id bigint, commodity_id integer, asset_id bigint, region_id integer,
               first_no bigint, last_no bigint, volume bigint, transaction_id bigint,
               acquired_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT i.id, a.commodity_id, i.asset_id, i.region_id, i.first_no, i.last_no, i.volume,
           i.transaction_id, t.occurred_at
    FROM (SELECT b.commodity_id, ledger.position_at(b.commodity_id, p_at) AS position
          FROM ledger.account_balances b WHERE b.account_id = p_account_id) upto
    JOIN ledger.transaction_items i
      ON i.account_id = p_account_id AND i.transaction_id <= upto.position
    JOIN ledger.assets a ON a.id = i.asset_id AND a.commodity_id = upto.commodity_id
    JOIN ledger.transactions t ON t.id = i.transaction_id
    WHERE NOT EXISTS (SELECT FROM ledger.transaction_item_inputs s
                      WHERE s.item_id = i.id AND s.transaction_id <= upto.position)
    ORDER BY a.commodity_id, i.first_no
$$;

-- BALANCE_HISTORY: an account's balance of a commodity as steps: what it was after each transaction.
CREATE OR REPLACE FUNCTION ledger.balance_history(p_account_id uuid, p_commodity_id integer)
RETURNS TABLE (occurred_at timestamptz, transaction_id bigint, moved bigint, balance bigint)
LANGUAGE sql STABLE AS $$
    SELECT t.occurred_at, p.transaction_id, (sum(p.credit) - sum(p.debit))::bigint,
           max(p.balance_after)
    FROM ledger.credits_debits p JOIN ledger.transactions t ON t.id = p.transaction_id
    WHERE p.account_id = p_account_id AND p.commodity_id = p_commodity_id
    GROUP BY t.occurred_at, p.transaction_id
    ORDER BY p.transaction_id
$$;

-- BLOCK_AT: the block that held one certificate at a position of its commodity; empty before it was
-- minted. Of the blocks of a batch two lie in each other or apart, so of those with the number the
-- one that starts last was made last: read downwards from the number, the first is the answer.
CREATE OR REPLACE FUNCTION ledger.block_at(p_commodity_id integer, p_number bigint, p_position bigint)
RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT i.id FROM ledger.transaction_items i
    WHERE i.asset_id = (SELECT b.id FROM ledger.assets b
                        WHERE b.commodity_id = p_commodity_id AND b.first_no <= p_number
                        ORDER BY b.first_no DESC LIMIT 1)
      AND i.first_no <= p_number AND i.last_no >= p_number AND i.transaction_id <= p_position
    ORDER BY i.first_no DESC, i.transaction_id DESC LIMIT 1
$$;

-- CUSTODY: every block that ever held one certificate, in order; ended_at is empty for the present one.
CREATE OR REPLACE FUNCTION ledger.custody(p_commodity_id integer, p_number bigint)
RETURNS TABLE (block_id bigint, account_id uuid, region_id integer, transaction_id bigint, kind text,
               started_at timestamptz, ended_at timestamptz)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line AS (
        SELECT i.id, i.input_id, i.account_id, i.region_id, i.transaction_id
        FROM ledger.transaction_items i
        WHERE i.id = ledger.block_at(p_commodity_id, p_number, 9223372036854775807)
        UNION ALL
        SELECT i.id, i.input_id, i.account_id, i.region_id, i.transaction_id
        FROM line JOIN ledger.transaction_items i ON i.id = line.input_id
    )
    SELECT line.id, line.account_id, line.region_id, t.id, t.kind, t.occurred_at,
           lead(t.occurred_at) OVER (ORDER BY t.id)
    FROM line JOIN ledger.transactions t ON t.id = line.transaction_id
    ORDER BY t.id
$$;

-- HOLDER_OF: the block, account and transaction that held one certificate at an instant; no row before
-- it was minted.
CREATE OR REPLACE FUNCTION ledger.holder_of(p_commodity_id integer, p_number bigint, p_at timestamptz)
RETURNS TABLE (block_id bigint, account_id uuid, transaction_id bigint, since timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT i.id, i.account_id, i.transaction_id, t.occurred_at
    FROM ledger.transaction_items i JOIN ledger.transactions t ON t.id = i.transaction_id
    WHERE i.id = ledger.block_at(p_commodity_id, p_number, ledger.position_at(p_commodity_id, p_at))
$$;

-- LINEAGE: a block (level 0), what it was cut from (-1, -2, … up to the mint) and what became of it
-- (1, 2, …). spent_by is empty for an unspent block.
CREATE OR REPLACE FUNCTION ledger.lineage(p_item_id bigint)
RETURNS TABLE (level integer, block_id bigint, input_id bigint, account_id uuid, region_id integer,
               asset_id bigint, first_no bigint, last_no bigint, volume bigint,
               transaction_id bigint, spent_by bigint)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE up AS (
        SELECT 0 AS level, i.* FROM ledger.transaction_items i WHERE i.id = p_item_id
        UNION ALL
        SELECT up.level - 1, i.* FROM up JOIN ledger.transaction_items i ON i.id = up.input_id
    ), down AS (
        SELECT 0 AS level, i.* FROM ledger.transaction_items i WHERE i.id = p_item_id
        UNION ALL
        SELECT down.level + 1, i.*
        FROM down
        JOIN ledger.transaction_item_inputs s ON s.item_id = down.id
        JOIN ledger.transaction_items i
          ON i.transaction_id = s.transaction_id AND i.input_id = down.id
    ), line AS (
        SELECT * FROM up UNION SELECT * FROM down
    )
    SELECT line.level, line.id, line.input_id, line.account_id, line.region_id, line.asset_id,
           line.first_no, line.last_no, line.volume, line.transaction_id, s.transaction_id
    FROM line LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = line.id
    ORDER BY line.level, line.first_no
$$;

-- CONSERVATION: per batch, at an instant: minted = held + retired + expired.
CREATE OR REPLACE FUNCTION ledger.conservation(p_at timestamptz)
RETURNS TABLE (asset_id bigint, commodity_id integer, minted bigint, held bigint, retired bigint,
               expired bigint)
LANGUAGE sql STABLE AS $$
    WITH upto AS MATERIALIZED (
        SELECT h.commodity_id, ledger.position_at(h.commodity_id, p_at) AS position
        FROM ledger.heads h
    )
    SELECT a.id, a.commodity_id, a.volume,
           coalesce(sum(i.volume) FILTER (WHERE holder.type = 'trading'), 0)::bigint,
           coalesce(sum(i.volume) FILTER (WHERE holder.type = 'retirement'), 0)::bigint,
           coalesce(sum(i.volume) FILTER (WHERE holder.type = 'expiry'), 0)::bigint
    FROM upto
    JOIN ledger.assets a ON a.commodity_id = upto.commodity_id AND a.transaction_id <= upto.position
    LEFT JOIN (ledger.transaction_items i
               JOIN public.registry_account holder ON holder.id = i.account_id)
      ON i.asset_id = a.id AND i.transaction_id <= upto.position
     AND NOT EXISTS (SELECT FROM ledger.transaction_item_inputs s
                     WHERE s.item_id = i.id AND s.transaction_id <= upto.position)
    GROUP BY a.id, a.commodity_id, a.volume
    ORDER BY a.commodity_id, a.id
$$;

REVOKE ALL ON FUNCTION
    ledger.position_at(integer, timestamptz),
    ledger.holdings_as_of(uuid, timestamptz),
    ledger.balance_history(uuid, integer),
    ledger.block_at(integer, bigint, bigint),
    ledger.custody(integer, bigint),
    ledger.holder_of(integer, bigint, timestamptz),
    ledger.lineage(bigint),
    ledger.conservation(timestamptz)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.position_at(integer, timestamptz),
    ledger.holdings_as_of(uuid, timestamptz),
    ledger.balance_history(uuid, integer),
    ledger.block_at(integer, bigint, bigint),
    ledger.custody(integer, bigint),
    ledger.holder_of(integer, bigint, timestamptz),
    ledger.lineage(bigint),
    ledger.conservation(timestamptz)
TO portal_web, ledger_auditor;

RESET ROLE;
