-- ERRORS: every refusal, once. Python, the pages under /errors/ and the documents read this table.
-- A code is never renamed and never reused.

SET ROLE ledger_owner;

CREATE TABLE IF NOT EXISTS ledger.error_codes (
    code text NOT NULL,
    sqlstate text NOT NULL,
    domain text NOT NULL,
    http_status integer NOT NULL,
    title text NOT NULL,
    what_to_do text NOT NULL,
    CONSTRAINT error_codes_pk PRIMARY KEY (code),
    CONSTRAINT error_codes_sqlstate_uq UNIQUE (sqlstate),
    CONSTRAINT error_codes_sqlstate_ck CHECK (sqlstate ~ '^L[ARCVBDTKPIX][0-9]{3}$')
);

INSERT INTO ledger.error_codes AS known (code, sqlstate, domain, http_status, title, what_to_do)
VALUES
    ('ACTOR_NOT_AUTHORISED', 'LA001', 'actor', 403,
     'This person may not do this.',
     'Ask somebody whose role allows it. An approver must be an active registry approver, and only the person who approved a request can have it executed.'),
    ('SELF_APPROVAL', 'LA002', 'actor', 403,
     'Nobody decides their own request.',
     'Ask another registry approver to decide it.'),

    ('REQUEST_NOT_FOUND', 'LR001', 'request', 404,
     'There is no such request.',
     'Check the number, or open the request from the list.'),
    ('REQUEST_NOT_APPROVED', 'LR002', 'request', 409,
     'The request is not approved.',
     'Only an approved request can be executed. Wait for the decision, or submit the request again.'),
    ('REQUEST_KIND_MISMATCH', 'LR003', 'request', 409,
     'The request asks for something else.',
     'Execute it as the kind of request it is.'),
    ('REQUEST_FROZEN', 'LR004', 'request', 409,
     'A submitted request cannot be changed.',
     'Withdraw it and submit a new one.'),
    ('REQUEST_TRANSITION_INVALID', 'LR005', 'request', 409,
     'The request has moved on since you opened it.',
     'Open it again to see its present state.'),
    ('PREVIEW_CHANGED', 'LR006', 'request', 409,
     'The blocks have changed since they were shown.',
     'Nothing was written. Look at the new preview and decide again.'),
    ('BENEFICIARY_MISSING', 'LR007', 'request', 422,
     'A retirement says for whom it is and why.',
     'Name the beneficiary and the reason, then submit again.'),

    ('ACCOUNT_NOT_FOUND', 'LC001', 'account', 422,
     'There is no such account.',
     'Choose an account from the list.'),
    ('ACCOUNT_NOT_ACTIVE', 'LC002', 'account', 422,
     'The account is suspended or closed.',
     'Choose an active account, or ask the registry to reopen this one.'),
    ('ACCOUNT_TYPE_INVALID', 'LC003', 'account', 422,
     'This kind of account cannot be used here.',
     'Transfer between trading accounts; retire into a retirement account of the same organisation.'),
    ('SAME_ACCOUNT', 'LC004', 'account', 422,
     'Both accounts are the same.',
     'Choose another account to receive the certificates.'),
    ('COMMODITY_RULE', 'LC005', 'commodity', 422,
     'The rules of this commodity do not allow it.',
     'Read the rules of the commodity: whether and until when its certificates may be transferred, retired or moved to another region.'),
    ('REGION_NOT_ALLOWED', 'LC006', 'region', 422,
     'The certificates cannot move to this region.',
     'Choose a region that the rules allow from where the certificates are on this date.'),
    ('FACILITY_NOT_ACTIVE', 'LC007', 'facility', 422,
     'The facility is not active.',
     'Ask the registry to reactivate the facility before issuing for it.'),
    ('PRODUCTION_PERIOD_OVERLAP', 'LC008', 'facility', 422,
     'Certificates were already issued for part of this period.',
     'Choose a period that starts after the last one issued for this facility.'),

    ('VOLUME_NOT_POSITIVE', 'LV001', 'volume', 422,
     'The quantity must be a whole number above zero.',
     'Enter a quantity of at least 1. For an expiry: nothing is due.'),
    ('VOLUME_OVERFLOW', 'LV002', 'volume', 422,
     'The quantity is too large.',
     'Enter a smaller quantity.'),
    ('RANGE_INVALID', 'LV003', 'volume', 422,
     'The certificate numbers or dates do not make a range.',
     'Name each range as first and last number, first not above last, and the quantity as their sum. A production period starts before it ends.'),
    ('BLOCK_NOT_HELD', 'LV004', 'volume', 422,
     'Some of these certificates are not held by the account.',
     'Open the holdings of the account and choose from the blocks it holds now.'),

    ('INSUFFICIENT_TOTAL_BALANCE', 'LB001', 'balance', 422,
     'The account does not hold enough.',
     'Enter a smaller quantity, or wait for certificates to arrive.'),
    ('LEAF_SHORTFALL', 'LB002', 'balance', 500,
     'The unspent blocks do not add up to the balance.',
     'Nothing was written. The registry has been alerted.'),
    ('BALANCE_DRIFT', 'LB003', 'balance', 500,
     'The stored balance differs from the postings.',
     'Nothing was written. The registry has been alerted.'),

    ('IDEMPOTENCY_KEY_REUSED', 'LD001', 'idempotency', 409,
     'This key was used for a different request.',
     'Send the new request with a new key.'),

    ('BACKDATING_FORBIDDEN', 'LT001', 'time', 422,
     'A transaction cannot be dated in the past.',
     'Leave the time empty. Only the migration of earlier history may state a past time, in its window.'),
    ('EFFECTIVE_AT_IN_FUTURE', 'LT002', 'time', 422,
     'A transaction cannot be dated in the future.',
     'State a time that has passed.'),
    ('CLOCK_REGRESSION', 'LT003', 'time', 503,
     'The time is before the last transaction of this commodity.',
     'Nothing was written. Try again shortly; if it stays, the clock of the database server is wrong. A migrated event must not be older than the event before it.'),

    ('LOCK_NOT_AVAILABLE', 'LK001', 'lock', 503,
     'Somebody else is changing the same accounts.',
     'Nothing was written. Try again in a moment.'),

    ('POSTING_IMBALANCE', 'LP001', 'invariant', 500,
     'Credits and debits are not equal.',
     'Nothing was written. The registry has been alerted.'),
    ('POSTING_MISSING', 'LP002', 'invariant', 500,
     'The transaction lacks its postings or its blocks.',
     'Nothing was written. The registry has been alerted.'),
    ('SPLIT_VOLUME_MISMATCH', 'LI001', 'invariant', 500,
     'The new blocks do not cover the consumed one.',
     'Nothing was written. The registry has been alerted.'),
    ('PARENT_NOT_CONSUMED', 'LI002', 'invariant', 500,
     'A new block has no consumed parent.',
     'Nothing was written. The registry has been alerted.'),
    ('SPENT_INPUT_STILL_LEAF', 'LI003', 'invariant', 500,
     'A consumed block is still counted as held.',
     'Nothing was written. The registry has been alerted.'),
    ('LEAF_RANGE_OVERLAP', 'LI004', 'invariant', 500,
     'Two unspent blocks share a certificate.',
     'Nothing was written. The registry has been alerted.'),
    ('BATCH_NOT_CONTIGUOUS', 'LI005', 'invariant', 500,
     'The batch does not follow the one before it.',
     'Nothing was written. The registry has been alerted.'),
    ('REQUEST_NOT_FOLLOWED', 'LI006', 'invariant', 500,
     'What was written is not what was approved.',
     'Nothing was written. The registry has been alerted.'),
    ('APPEND_ONLY_VIOLATION', 'LX001', 'invariant', 500,
     'History is never changed.',
     'Nothing was written. Correct a mistake with a new transaction.'),
    ('TRANSACTION_SEALED', 'LX002', 'invariant', 500,
     'The transaction is complete.',
     'Nothing was written. Nothing can be added to a recorded transaction.'),
    ('LEDGER_DDL_FROZEN', 'LX003', 'invariant', 500,
     'The ledger''s definition is frozen.',
     'A database administrator opens a change window first.'),
    ('CHAIN_BROKEN', 'LX004', 'invariant', 500,
     'The transaction does not fit the chain.',
     'Nothing was written. The registry has been alerted.')
ON CONFLICT (code) DO UPDATE
    SET sqlstate = EXCLUDED.sqlstate, domain = EXCLUDED.domain,
        http_status = EXCLUDED.http_status, title = EXCLUDED.title,
        what_to_do = EXCLUDED.what_to_do
    WHERE known IS DISTINCT FROM EXCLUDED;

REVOKE ALL ON ledger.error_codes FROM PUBLIC;
GRANT SELECT ON ledger.error_codes
    TO ledger_writer, ledger_check, ledger_deriver, portal_web, ledger_auditor;

-- REFUSE: raise a refusal by its name, with facts for the log and the invariant as the constraint.
CREATE OR REPLACE FUNCTION ledger.refuse(p_code text, p_facts jsonb, p_invariant text DEFAULT '')
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_sqlstate text;
BEGIN
    SELECT e.sqlstate INTO STRICT v_sqlstate FROM ledger.error_codes e WHERE e.code = p_code;
    RAISE EXCEPTION USING ERRCODE = v_sqlstate, MESSAGE = p_code, DETAIL = p_facts::text,
                          CONSTRAINT = p_invariant;
END
$$;
REVOKE ALL ON FUNCTION ledger.refuse(text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.refuse(text, jsonb, text)
    TO ledger_writer, ledger_check, ledger_deriver;

RESET ROLE;
