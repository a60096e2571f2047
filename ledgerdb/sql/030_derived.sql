-- DERIVED: what is held now, rebuildable from the canonical tables alone (090_reconcile.sql).

-- One row: one unspent block.
CREATE TABLE ledger.leaves (
    item_id bigint NOT NULL,
    commodity_id integer NOT NULL,
    account_id uuid NOT NULL,
    asset_id bigint NOT NULL,
    region_id integer NOT NULL,
    first_no bigint NOT NULL,
    last_no bigint NOT NULL,
    volume bigint NOT NULL,
    CONSTRAINT leaves_pk PRIMARY KEY (item_id),
    CONSTRAINT leaves_numbers_uq UNIQUE (commodity_id, first_no)
) WITH (
    -- Rows come and go all day: absolute thresholds, or a large table is never cleaned.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
-- Serves the choice of blocks: the smallest that suffices, ties by lowest number.
CREATE INDEX leaves_choice_ix ON ledger.leaves (account_id, commodity_id, volume, first_no);

-- One row: what one account holds of one commodity. `issues` marks issuance accounts, which hold
-- minus what was minted.
CREATE TABLE ledger.account_balances (
    account_id uuid NOT NULL,
    commodity_id integer NOT NULL,
    balance bigint NOT NULL DEFAULT 0,
    issues boolean NOT NULL DEFAULT false,
    CONSTRAINT account_balances_pk PRIMARY KEY (account_id, commodity_id),
    CONSTRAINT account_balances_account_fk FOREIGN KEY (account_id) REFERENCES public.registry_account (id),
    CONSTRAINT account_balances_balance_not_negative_ck
        CHECK (ledger.is_balance(balance, issues))
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
    autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);

-- One row: from which number on certificates of one commodity are issued. Written by an issue, whose
-- turn on the commodity it is. How high the chain is, and of when, its last link says: nothing that every
-- transaction would have to write a second time.
CREATE TABLE ledger.heads (
    commodity_id integer NOT NULL,
    next_no bigint NOT NULL DEFAULT 1,
    CONSTRAINT heads_pk PRIMARY KEY (commodity_id)
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);

-- Leaves come and go and are never edited: no UPDATE on them for anybody.
GRANT SELECT, INSERT, DELETE ON ledger.leaves TO ledger_writer, ledger_deriver;
GRANT SELECT, INSERT, UPDATE ON ledger.account_balances TO ledger_writer;
GRANT SELECT, INSERT, UPDATE ON ledger.account_balances TO ledger_deriver;
GRANT SELECT, INSERT, UPDATE ON ledger.heads TO ledger_writer;
GRANT SELECT ON ledger.leaves, ledger.account_balances, ledger.heads
    TO ledger_check, portal_web, ledger_auditor;
