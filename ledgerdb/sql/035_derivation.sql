-- DERIVATION: the derived tables follow the history. Whoever adds a block, a consumption or a posting
-- thereby changes what is held: there is no second write that could be forgotten or be wrong, and no
-- row joins a transaction that is not open.
--
-- These triggers are INVOKER: they write with the rights of who wrote the history, and what they write
-- is held to the history like any other write (040_guards.sql). Only SETTLE (055_settle.sql), which
-- writes both from what is stored, is let by. Each looks once at all rows of a statement. What they
-- look up by a key stands in a scalar subquery: it is planned as a look into the index, however small
-- the table was when the plan was made. A join, or EXISTS, may be planned as a pass over the whole
-- table, and a session keeps its plans while the table grows.
--
-- SETTLE is told by its role, ledger_deriver, which is nobody's: not by those who took the role on, who
-- show in `role` or as the session's own. Nor by a trigger: since PostgreSQL 18 it runs as the role that
-- queued it, and `role` may have moved on.

SET ROLE ledger_check;

-- IS_UNPROVED: true unless SETTLE itself writes: what anybody else writes has to be proved. For the WHEN
-- clauses of triggers: each statement parses them anew, so they are as short as can be; and each asks, so
-- there is no search_path to set and to take back, and every name says where it is from.
CREATE OR REPLACE FUNCTION ledger.is_unproved() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN current_user OPERATOR(pg_catalog.<>) 'ledger_deriver'
        OR session_user OPERATOR(pg_catalog.=) 'ledger_deriver'
        OR pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'ledger_deriver'
        OR pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.>) 0;
END
$$;
REVOKE ALL ON FUNCTION ledger.is_unproved() FROM PUBLIC;
-- Whoever writes the tables whose triggers ask.
GRANT EXECUTE ON FUNCTION ledger.is_unproved()
    TO ledger_owner, ledger_writer, ledger_deriver, portal_web;

RESET ROLE;
SET ROLE ledger_deriver;

-- REFUSE_SEALED: refuse a row of a transaction that is not open. (A number, to stand in an expression.)
-- Refuses: TRANSACTION_SEALED.
CREATE OR REPLACE FUNCTION ledger.refuse_sealed(p_table text, p_transaction_id bigint) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.refuse('TRANSACTION_SEALED',
        jsonb_build_object('table', p_table, 'transaction', p_transaction_id),
        p_table || '_transaction_sealed');
    RETURN NULL;
END
$$;

-- DERIVE_CONSUMED: a consumed block is held no more. A row joins only a transaction opened in this same
-- database transaction and not yet in its chain. (The database transaction's number alone would not
-- do: numbers start again after a restore, so the time must match too.)
-- Refuses, in order: TRANSACTION_SEALED, LEAF_SHORTFALL (it was not held).
CREATE OR REPLACE FUNCTION ledger.derive_consumed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_missing bigint;
BEGIN
    WITH gone AS (
        DELETE FROM ledger.leaves l
        WHERE l.item_id = ANY (ARRAY(SELECT fresh.item_id FROM fresh))
        RETURNING l.item_id
    )
    SELECT count(coalesce((
               SELECT t.commodity_id FROM ledger.transactions t
               WHERE t.id = fresh.transaction_id AND t.written_in = pg_current_xact_id()
                 AND t.recorded_at >= transaction_timestamp()
                 AND (SELECT c.height FROM ledger.chain c WHERE c.transaction_id = t.id) IS NULL),
               ledger.refuse_sealed(tg_table_name, fresh.transaction_id)))
           - (SELECT count(*) FROM gone)
    INTO v_missing
    FROM fresh;
    IF v_missing > 0 THEN
        PERFORM ledger.refuse('LEAF_SHORTFALL', jsonb_build_object('missing', v_missing), tg_name);
    END IF;
    RETURN NULL;
END
$$;

-- DERIVE_CREATED: a new block is held.
-- Refuses: TRANSACTION_SEALED.
CREATE OR REPLACE FUNCTION ledger.derive_created() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.leaves
        (item_id, commodity_id, account_id, asset_id, region_id, first_no, last_no, volume)
    SELECT fresh.id, coalesce((
               SELECT t.commodity_id FROM ledger.transactions t
               WHERE t.id = fresh.transaction_id AND t.written_in = pg_current_xact_id()
                 AND t.recorded_at >= transaction_timestamp()
                 AND (SELECT c.height FROM ledger.chain c WHERE c.transaction_id = t.id) IS NULL),
               ledger.refuse_sealed(tg_table_name, fresh.transaction_id)),
           fresh.account_id, fresh.asset_id, fresh.region_id, fresh.first_no, fresh.last_no,
           fresh.volume
    FROM fresh;
    RETURN NULL;
END
$$;

-- DERIVE_POSTED: an account holds what it held before, and what was posted now; its postings say so.
-- Refuses, in order: TRANSACTION_SEALED, BALANCE_DRIFT.
CREATE OR REPLACE FUNCTION ledger.derive_posted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_missing bigint;
BEGIN
    WITH net AS (
        SELECT fresh.account_id, fresh.commodity_id, sum(fresh.credit - fresh.debit) AS moved,
               min(fresh.balance_after) AS lowest, max(fresh.balance_after) AS highest,
               min(fresh.transaction_id) AS transaction_id,
               bool_and(fresh.commodity_id = coalesce((
                   SELECT t.commodity_id FROM ledger.transactions t
                   WHERE t.id = fresh.transaction_id AND t.written_in = pg_current_xact_id()
                     AND t.recorded_at >= transaction_timestamp()
                     AND (SELECT c.height FROM ledger.chain c WHERE c.transaction_id = t.id) IS NULL),
                   ledger.refuse_sealed(tg_table_name, fresh.transaction_id))) AS in_commodity
        FROM fresh GROUP BY fresh.account_id, fresh.commodity_id
    ), changed AS (
        UPDATE ledger.account_balances b SET balance = net.highest
        FROM net
        WHERE b.account_id = net.account_id AND b.commodity_id = net.commodity_id
          AND b.balance + net.moved = net.highest AND net.lowest = net.highest
          AND net.in_commodity
        RETURNING b.account_id
    ), opened AS (  -- the first posting of an account in this commodity
        INSERT INTO ledger.account_balances (account_id, commodity_id, balance, issues)
        SELECT net.account_id, net.commodity_id, net.highest, a.type = 'issuance'
        FROM net JOIN public.registry_account a ON a.id = net.account_id
        WHERE net.moved = net.highest AND net.lowest = net.highest AND net.in_commodity
          AND (SELECT b.balance FROM ledger.account_balances b
               WHERE b.account_id = net.account_id AND b.commodity_id = net.commodity_id) IS NULL
          AND (SELECT p.line FROM ledger.credits_debits p
               WHERE p.account_id = net.account_id AND p.commodity_id = net.commodity_id
                 AND p.transaction_id < net.transaction_id LIMIT 1) IS NULL
        RETURNING account_id
    )
    SELECT count(*) - (SELECT count(*) FROM changed) - (SELECT count(*) FROM opened)
    INTO v_missing
    FROM net;
    IF v_missing > 0 THEN
        PERFORM ledger.refuse('BALANCE_DRIFT', jsonb_build_object('accounts', v_missing), tg_name);
    END IF;
    RETURN NULL;
END
$$;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
GRANT EXECUTE ON FUNCTION ledger.derive_consumed(), ledger.derive_created(), ledger.derive_posted()
    TO ledger_owner;
REVOKE ALL ON FUNCTION ledger.refuse_sealed(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.refuse_sealed(text, bigint) TO ledger_owner, ledger_writer;

RESET ROLE;
SET ROLE ledger_owner;

CREATE OR REPLACE TRIGGER transaction_item_inputs_derive_consumed
    AFTER INSERT ON ledger.transaction_item_inputs REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT WHEN (ledger.is_unproved()) EXECUTE FUNCTION ledger.derive_consumed();
CREATE OR REPLACE TRIGGER transaction_items_derive_created
    AFTER INSERT ON ledger.transaction_items REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT WHEN (ledger.is_unproved()) EXECUTE FUNCTION ledger.derive_created();
CREATE OR REPLACE TRIGGER credits_debits_derive_posted
    AFTER INSERT ON ledger.credits_debits REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT WHEN (ledger.is_unproved()) EXECUTE FUNCTION ledger.derive_posted();

RESET ROLE;
SET ROLE ledger_deriver;

REVOKE ALL ON FUNCTION ledger.derive_consumed(), ledger.derive_created(), ledger.derive_posted()
    FROM PUBLIC, ledger_owner;

RESET ROLE;
