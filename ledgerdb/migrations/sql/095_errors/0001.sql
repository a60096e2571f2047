-- ERRORS: every refusal, once. Python, the pages under /errors/ and the documents read this table.
-- A code is never renamed and never reused.

SET ROLE ledger_owner;

CREATE TABLE IF NOT EXISTS ledger.error_codes (
    code text NOT NULL,
    sqlstate text NOT NULL,
    domain text NOT NULL,
    http_status integer NOT NULL,
    title text NOT NULL,
    cause text NOT NULL,
    what_to_do text NOT NULL,
    CONSTRAINT error_codes_pk PRIMARY KEY (code),
    CONSTRAINT error_codes_sqlstate_uq UNIQUE (sqlstate),
    CONSTRAINT error_codes_sqlstate_ck CHECK (sqlstate ~ '^L[ARCVBDTKPIX][0-9]{3}$')
);

INSERT INTO ledger.error_codes AS known (code, sqlstate, domain, http_status, title, cause,
    what_to_do)
VALUES
    ('ACTOR_NOT_AUTHORISED', 'LA001', 'actor', 403,
     'This person may not do this.',
     'The person is inactive, their organisation is suspended, or their role does not include this.',
     'Ask somebody whose role allows it. An approver must be an active registry approver, and only the person who approved a request can have it executed.'),
    ('SELF_APPROVAL', 'LA002', 'actor', 403,
     'Nobody decides their own request.',
     'The person who submitted the request tried to decide it, with this sign-in or with another one of theirs. Four eyes means two people.',
     'Ask another registry approver to decide it.'),

    ('REQUEST_NOT_FOUND', 'LR001', 'request', 404,
     'There is no such request.',
     'No request has this number, or it belongs to another organisation.',
     'Check the number, or open the request from the list.'),
    ('REQUEST_NOT_APPROVED', 'LR002', 'request', 409,
     'The request is not approved.',
     'Something tried to execute a request that waits for its decision, or that was rejected, withdrawn or refused.',
     'Only an approved request can be executed. Wait for the decision, or submit the request again.'),
    ('REQUEST_KIND_MISMATCH', 'LR003', 'request', 409,
     'The request asks for something else.',
     'A request of one kind was handed to the function of another, or names a kind that does not exist.',
     'Execute it as the kind of request it is.'),
    ('REQUEST_FROZEN', 'LR004', 'request', 409,
     'A submitted request cannot be changed.',
     'What was submitted stays as it was submitted: an approver must be able to rely on it.',
     'Withdraw it and submit a new one.'),
    ('REQUEST_TRANSITION_INVALID', 'LR005', 'request', 409,
     'The request has moved on since you opened it.',
     'Somebody submitted, withdrew or decided it meanwhile. A request moves only forward.',
     'Open it again to see its present state.'),
    ('PREVIEW_CHANGED', 'LR006', 'request', 409,
     'The blocks have changed since they were shown.',
     'Another transaction took some of the blocks, or brought others that suit better, between the preview and the decision.',
     'Nothing was written. Look at the new preview and decide again.'),
    ('BENEFICIARY_MISSING', 'LR007', 'request', 422,
     'A retirement says for whom it is and why.',
     'The retirement was submitted without a beneficiary or without a reason.',
     'Name the beneficiary and the reason, then submit again.'),
    ('PREVIEW_NOT_OPENED', 'LR008', 'request', 409,
     'This approver has not opened what is to be approved.',
     'The approval names blocks that this approver never opened: a stale or a forged form.',
     'Nothing was written. Open the request, look at its blocks, then decide.'),

    ('ACCOUNT_NOT_FOUND', 'LC001', 'account', 422,
     'There is no such account.',
     'The request names an account that does not exist, or none where one is needed.',
     'Choose an account from the list.'),
    ('ACCOUNT_NOT_ACTIVE', 'LC002', 'account', 422,
     'The account is suspended or closed.',
     'The registry suspended or closed the account, or the organisation that owns it.',
     'Choose an active account, or ask the registry to reopen this one.'),
    ('ACCOUNT_TYPE_INVALID', 'LC003', 'account', 422,
     'This kind of account cannot be used here.',
     'The request sends from, or to, an account that is not made for it.',
     'Transfer between trading accounts; retire into a retirement account of the same organisation.'),
    ('SAME_ACCOUNT', 'LC004', 'account', 422,
     'Both accounts are the same.',
     'The transfer names one account as the source and as the target.',
     'Choose another account to receive the certificates.'),
    ('COMMODITY_RULE', 'LC005', 'commodity', 422,
     'The rules of this commodity do not allow it.',
     'The certificates are too old to be transferred or retired, or the commodity does not allow this kind of change at all.',
     'Read the rules of the commodity: whether and until when its certificates may be transferred, retired or moved to another region.'),
    ('REGION_NOT_ALLOWED', 'LC006', 'region', 422,
     'The certificates cannot move to this region.',
     'No rule of the commodity allows this pair of regions on this date.',
     'Choose a region that the rules allow from where the certificates are on this date.'),
    ('FACILITY_NOT_ACTIVE', 'LC007', 'facility', 422,
     'The facility is not active.',
     'The registry suspended or closed the facility.',
     'Ask the registry to reactivate the facility before issuing for it.'),
    ('PRODUCTION_PERIOD_OVERLAP', 'LC008', 'facility', 422,
     'Certificates were already issued for part of this period.',
     'Another batch of the same facility and commodity covers some of the same days.',
     'Choose a period that starts after the last one issued for this facility.'),

    ('VOLUME_NOT_POSITIVE', 'LV001', 'volume', 422,
     'The quantity must be a whole number above zero.',
     'The quantity is missing, zero or negative, or no certificate is due to expire.',
     'Enter a quantity of at least 1. For an expiry: nothing is due.'),
    ('VOLUME_OVERFLOW', 'LV002', 'volume', 422,
     'The quantity is too large.',
     'The certificates would need numbers larger than the ledger can hold.',
     'Enter a smaller quantity.'),
    ('RANGE_INVALID', 'LV003', 'volume', 422,
     'The certificate numbers or dates do not make a range.',
     'A range ends before it starts, two ranges overlap, the quantity is not their sum, or a period is not in order.',
     'Name each range as first and last number, first not above last, and the quantity as their sum. A production period starts before it ends.'),
    ('BLOCK_NOT_HELD', 'LV004', 'volume', 422,
     'Some of these certificates are not held by the account.',
     'They were transferred, retired or expired meanwhile, or were never in this account.',
     'Open the holdings of the account and choose from the blocks it holds now.'),

    ('INSUFFICIENT_TOTAL_BALANCE', 'LB001', 'balance', 422,
     'The account does not hold enough.',
     'The account holds fewer certificates that may be used for this than the request asks for, after the filters of the request.',
     'Enter a smaller quantity, or wait for certificates to arrive.'),
    ('LEAF_SHORTFALL', 'LB002', 'balance', 500,
     'The unspent blocks do not add up to the balance.',
     'The list of unspent blocks holds less than the balance says. No request can cause this.',
     'Nothing was written. The registry has been alerted.'),
    ('BALANCE_DRIFT', 'LB003', 'balance', 500,
     'The stored balance differs from the postings.',
     'A stored balance was changed by something other than its postings. No request can cause this.',
     'Nothing was written. The registry has been alerted.'),

    ('IDEMPOTENCY_KEY_REUSED', 'LD001', 'idempotency', 409,
     'This key was used for a different request.',
     'A form or a program sent a key again with other content, so that it is not a repetition.',
     'Send the new request with a new key.'),

    ('BACKDATING_FORBIDDEN', 'LT001', 'time', 422,
     'A transaction cannot be dated in the past.',
     'The request states a time before now, and this login or this moment does not allow that.',
     'Leave the time empty. Only the migration of earlier history may state a past time, in its window.'),
    ('EFFECTIVE_AT_IN_FUTURE', 'LT002', 'time', 422,
     'A transaction cannot be dated in the future.',
     'The request states a time that has not come yet.',
     'State a time that has passed.'),
    ('CLOCK_REGRESSION', 'LT003', 'time', 503,
     'The time is before the last transaction of this commodity.',
     'The clock of the database server went back, or migrated events came out of order.',
     'Nothing was written. Try again shortly; if it stays, the clock of the database server is wrong. A migrated event must not be older than the event before it.'),

    ('LOCK_NOT_AVAILABLE', 'LK001', 'lock', 503,
     'Somebody else is changing the same accounts.',
     'Another transaction held the same accounts for longer than this one may wait.',
     'Nothing was written. Try again in a moment.'),

    ('POSTING_IMBALANCE', 'LP001', 'invariant', 500,
     'Credits and debits are not equal.',
     'A transaction was written whose debits and credits differ for some batch.',
     'Nothing was written. The registry has been alerted.'),
    ('POSTING_MISSING', 'LP002', 'invariant', 500,
     'The transaction lacks its postings or its blocks.',
     'A transaction was written without postings, or without the blocks that they are about.',
     'Nothing was written. The registry has been alerted.'),
    ('SPLIT_VOLUME_MISMATCH', 'LI001', 'invariant', 500,
     'The new blocks do not cover the consumed one.',
     'The children of a block leave a gap, overlap, or add up to another volume.',
     'Nothing was written. The registry has been alerted.'),
    ('PARENT_NOT_CONSUMED', 'LI002', 'invariant', 500,
     'A new block has no consumed parent.',
     'A block was written as cut from another one that the same transaction does not consume.',
     'Nothing was written. The registry has been alerted.'),
    ('SPENT_INPUT_STILL_LEAF', 'LI003', 'invariant', 500,
     'A consumed block is still counted as held.',
     'A block was consumed and stayed on the list of unspent blocks.',
     'Nothing was written. The registry has been alerted.'),
    ('LEAF_RANGE_OVERLAP', 'LI004', 'invariant', 500,
     'Two unspent blocks share a certificate.',
     'A block was added to the unspent ones whose numbers another of them holds.',
     'Nothing was written. The registry has been alerted.'),
    ('BATCH_NOT_CONTIGUOUS', 'LI005', 'invariant', 500,
     'The batch does not follow the one before it.',
     'A batch was written with numbers that leave a gap after the last one, or overlap it.',
     'Nothing was written. The registry has been alerted.'),
    ('REQUEST_NOT_FOLLOWED', 'LI006', 'invariant', 500,
     'What was written is not what was approved.',
     'A transaction was written that differs from its approved request: other accounts, other numbers, or other people.',
     'Nothing was written. The registry has been alerted.'),
    ('APPEND_ONLY_VIOLATION', 'LX001', 'invariant', 500,
     'History is never changed.',
     'Something tried to change, to delete or to truncate recorded rows.',
     'Nothing was written. Correct a mistake with a new transaction.'),
    ('TRANSACTION_SEALED', 'LX002', 'invariant', 500,
     'The transaction is complete.',
     'Something tried to add rows to a transaction that was recorded earlier.',
     'Nothing was written. Nothing can be added to a recorded transaction.'),
    ('LEDGER_DDL_FROZEN', 'LX003', 'invariant', 500,
     'The ledger''s definition is frozen.',
     'Somebody tried to change a table, a function or a grant outside a change window.',
     'A database administrator opens a change window first.'),
    ('CHAIN_BROKEN', 'LX004', 'invariant', 500,
     'The transaction does not fit the chain.',
     'A link was written whose height, time or hash does not follow from the one before it.',
     'Nothing was written. The registry has been alerted.')
ON CONFLICT (code) DO UPDATE
    SET sqlstate = EXCLUDED.sqlstate, domain = EXCLUDED.domain,
        http_status = EXCLUDED.http_status, title = EXCLUDED.title,
        cause = EXCLUDED.cause, what_to_do = EXCLUDED.what_to_do
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
