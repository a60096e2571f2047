-- TABLES: the canonical history. Rows are added and never changed (040_guards.sql).
--
-- Volumes and numbers are bigint: NaN > 0 is true for numeric. Between these tables there are no
-- foreign keys: the guards check the same links, for every row of a statement at once, and hold
-- under session_replication_role = replica, where foreign keys do not.
--
-- A CHECK is parsed anew by each statement that writes its table, a function that it calls is not: so what
-- each transaction writes is checked by functions. They set no search_path, which would have to be taken
-- back each time: every name says where it is from.

-- IS_RANGE: whether a volume is that of a range of numbers, which start at 1.
CREATE FUNCTION ledger.is_range(p_first_no bigint, p_last_no bigint, p_volume bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN p_first_no OPERATOR(pg_catalog.>) 0 AND p_volume OPERATOR(pg_catalog.>) 0
       AND p_volume OPERATOR(pg_catalog.-) 1
           OPERATOR(pg_catalog.=) (p_last_no OPERATOR(pg_catalog.-) p_first_no);
END
$$;

-- IS_POSTING: whether exactly one side is there, and positive.
CREATE FUNCTION ledger.is_posting(p_credit bigint, p_debit bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN least(p_credit, p_debit) OPERATOR(pg_catalog.=) 0
       AND greatest(p_credit, p_debit) OPERATOR(pg_catalog.>) 0;
END
$$;

-- IS_BALANCE: whether nobody owes certificates. An issuance account holds minus what was minted.
CREATE FUNCTION ledger.is_balance(p_balance bigint, p_issues boolean) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN p_issues THEN p_balance OPERATOR(pg_catalog.<=) 0
                ELSE p_balance OPERATOR(pg_catalog.>=) 0 END;
END
$$;

REVOKE ALL ON FUNCTION ledger.is_range(bigint, bigint, bigint), ledger.is_posting(bigint, bigint),
    ledger.is_balance(bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.is_range(bigint, bigint, bigint), ledger.is_posting(bigint, bigint),
    ledger.is_balance(bigint, boolean) TO ledger_writer, ledger_deriver;

-- One row: one thing that happened, executed from one approved request.
CREATE TABLE ledger.transactions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,                 -- that of the request: CHECK_BLOCKS_CONSERVED
    request_id uuid NOT NULL,
    commodity_id integer NOT NULL,
    actor_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,   -- when it happened; a replay states the original
    recorded_at timestamptz NOT NULL,   -- when this database learnt it; stamped by a guard
    written_in xid8 NOT NULL,           -- the database transaction; stamped by a guard
    CONSTRAINT transactions_pk PRIMARY KEY (id),
    CONSTRAINT transactions_one_per_request_uq UNIQUE (request_id)
);
-- "As of" is a position: the last transaction of a commodity up to an instant.
CREATE INDEX transactions_commodity_time_ix ON ledger.transactions (commodity_id, occurred_at, id);

-- One row: one minted batch.
CREATE TABLE ledger.assets (
    id bigint GENERATED ALWAYS AS IDENTITY,
    transaction_id bigint NOT NULL,
    commodity_id integer NOT NULL,
    facility_id uuid NOT NULL,
    region_id integer NOT NULL,         -- at issue
    production_start date NOT NULL,
    production_end date NOT NULL,
    first_no bigint NOT NULL,
    last_no bigint NOT NULL,
    volume bigint NOT NULL,
    transferable_until timestamptz,     -- empty: never stops
    expires_at timestamptz,             -- empty: never expires
    source_serial text,                 -- in the system it was migrated from
    CONSTRAINT assets_pk PRIMARY KEY (id),
    CONSTRAINT assets_one_per_transaction_uq UNIQUE (transaction_id),
    CONSTRAINT assets_facility_fk FOREIGN KEY (facility_id) REFERENCES public.registry_facility (id),
    CONSTRAINT assets_commodity_fk FOREIGN KEY (commodity_id) REFERENCES public.registry_commodity (id),
    CONSTRAINT assets_region_fk FOREIGN KEY (region_id) REFERENCES public.registry_region (id),
    CONSTRAINT assets_volume_is_range_ck
        CHECK (ledger.is_range(first_no, last_no, volume)),
    CONSTRAINT assets_period_ordered_ck CHECK (production_start <= production_end),
    CONSTRAINT assets_asset_range_overlap_ex EXCLUDE USING gist (
        int4range(commodity_id, commodity_id, '[]') WITH &&,
        int8range(first_no, last_no, '[]') WITH &&
    )
);
CREATE INDEX assets_numbers_ix ON ledger.assets (commodity_id, first_no);
CREATE INDEX assets_due_ix ON ledger.assets (commodity_id, expires_at);
CREATE INDEX assets_period_ix ON ledger.assets (facility_id, commodity_id, production_start);
-- The longest period of a facility bounds where one that overlaps can start.
CREATE INDEX assets_longest_ix
    ON ledger.assets (facility_id, commodity_id, (production_end - production_start));
CREATE UNIQUE INDEX assets_source_serial_uq
    ON ledger.assets (commodity_id, source_serial) WHERE source_serial IS NOT NULL;

-- One row: one block, a range of certificate numbers in one account and one region.
CREATE TABLE ledger.transaction_items (
    id bigint GENERATED ALWAYS AS IDENTITY,
    transaction_id bigint NOT NULL,
    asset_id bigint NOT NULL,
    account_id uuid NOT NULL,
    region_id integer NOT NULL,
    first_no bigint NOT NULL,
    last_no bigint NOT NULL,
    volume bigint NOT NULL,
    input_id bigint,                    -- the block it was cut from; empty only for a mint
    CONSTRAINT transaction_items_pk PRIMARY KEY (id),
    CONSTRAINT transaction_items_volume_is_range_ck
        CHECK (ledger.is_range(first_no, last_no, volume))
);
CREATE INDEX transaction_items_transaction_ix ON ledger.transaction_items (transaction_id, input_id);
CREATE INDEX transaction_items_numbers_ix ON ledger.transaction_items (asset_id, first_no);
CREATE INDEX transaction_items_account_ix ON ledger.transaction_items (account_id, transaction_id);

-- One row: one consumed block. The primary key is the guard against spending twice.
CREATE TABLE ledger.transaction_item_inputs (
    item_id bigint NOT NULL,
    transaction_id bigint NOT NULL,
    CONSTRAINT transaction_item_inputs_input_spent_once_pk PRIMARY KEY (item_id)
);
CREATE INDEX transaction_item_inputs_transaction_ix
    ON ledger.transaction_item_inputs (transaction_id);

-- One row: one posting. balance_after is what the account holds of the commodity when the whole
-- transaction is done: the same on each of its postings there.
CREATE TABLE ledger.credits_debits (
    transaction_id bigint NOT NULL,
    line integer NOT NULL,
    asset_id bigint NOT NULL,
    commodity_id integer NOT NULL,
    account_id uuid NOT NULL,
    credit bigint NOT NULL,
    debit bigint NOT NULL,
    balance_after bigint NOT NULL,
    CONSTRAINT credits_debits_pk PRIMARY KEY (transaction_id, line),
    CONSTRAINT credits_debits_posting_one_side_ck
        CHECK (ledger.is_posting(credit, debit))
);
CREATE INDEX credits_debits_account_ix
    ON ledger.credits_debits (account_id, commodity_id, transaction_id);

-- One row: one link of a commodity's chain. Everything but the first three columns is computed by a
-- guard; see ledger.transaction_content for what the hash covers.
CREATE TABLE ledger.chain (
    commodity_id integer NOT NULL,
    height bigint NOT NULL,
    transaction_id bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT chain_pk PRIMARY KEY (commodity_id, height),
    CONSTRAINT chain_one_link_per_transaction_uq UNIQUE (transaction_id)
);

GRANT SELECT, INSERT ON ledger.transactions, ledger.assets, ledger.transaction_items,
    ledger.transaction_item_inputs, ledger.credits_debits, ledger.chain TO ledger_writer;
GRANT SELECT ON ledger.transactions, ledger.assets, ledger.transaction_items,
    ledger.transaction_item_inputs, ledger.credits_debits, ledger.chain
    TO ledger_check, portal_web, ledger_auditor;
GRANT SELECT, INSERT ON ledger.transactions, ledger.transaction_items, ledger.transaction_item_inputs,
    ledger.credits_debits, ledger.chain TO ledger_deriver;
GRANT SELECT ON ledger.assets TO ledger_deriver;
