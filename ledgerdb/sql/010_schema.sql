-- SCHEMA: the types of the ledger. The schemas themselves are made by 000_bootstrap.sql.

-- A piece: a part of a consumed block, and where it goes. A block is consumed whole: its pieces
-- cover it exactly, those that move and those that stay (moved = false: same account, same region).
CREATE TYPE ledger.piece AS (
    input_id bigint,
    asset_id bigint,
    from_account uuid,
    to_account uuid,
    region_id integer,
    first_no bigint,
    last_no bigint,
    moved boolean
);

-- A look at one transaction as it is stored: everything it says, and whether it is plainly whole: see
-- ledger.look_at (042_chain.sql).
CREATE TYPE ledger.look AS (
    content bytea,
    plain boolean,
    moved bigint
);
