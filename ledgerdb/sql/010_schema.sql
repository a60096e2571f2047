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
