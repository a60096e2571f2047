-- FILES: the guards of what people hand in, Django's tables: lists of requests, and the evidence of an
-- issue. Rows are only ever added; and the names of what can be wrong with a file.

SET ROLE ledger_check;

-- GUARD_UPLOAD_ROW: the row of an upload is a request of the same kind, by the same person for the
-- same organisation.
-- Refuses: REQUEST_NOT_FOUND.
CREATE OR REPLACE FUNCTION ledger.guard_upload_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.registry_upload u
        JOIN public.registry_request r ON r.id = NEW.request_id
        WHERE u.number = NEW.upload_id AND r.kind = u.kind
          AND r.submitter_id = u.submitter_id AND r.organisation_id = u.organisation_id
    ) THEN
        PERFORM ledger.refuse('REQUEST_NOT_FOUND',
            jsonb_build_object('request', NEW.request_id, 'upload', NEW.upload_id), tg_name);
    END IF;
    RETURN NEW;
END
$$;

-- GUARD_EVIDENCE_FROZEN: evidence comes to a draft of an issue, from its own organisation. The request
-- is locked, so that no file slips in while it is being submitted. INVOKER, because only a role that
-- may update a row may lock it.
-- Refuses, in order: REQUEST_NOT_FOUND, REQUEST_KIND_MISMATCH, REQUEST_FROZEN, ACTOR_NOT_AUTHORISED.
CREATE OR REPLACE FUNCTION ledger.guard_evidence_frozen() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_request public.registry_request;
    v_code text;
    v_sqlstate text;
BEGIN
    SELECT * INTO v_request FROM public.registry_request r WHERE r.id = NEW.request_id FOR SHARE;
    v_code := CASE
        WHEN v_request.id IS NULL THEN 'REQUEST_NOT_FOUND'
        WHEN v_request.kind <> 'mint' THEN 'REQUEST_KIND_MISMATCH'
        WHEN v_request.status <> 'draft' THEN 'REQUEST_FROZEN'
        WHEN NEW.evidence_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM public.registry_evidence e
            WHERE e.id = NEW.evidence_id AND e.organisation_id = v_request.organisation_id)
        THEN 'ACTOR_NOT_AUTHORISED' ELSE '' END;
    IF v_code <> '' THEN
        SELECT e.sqlstate INTO STRICT v_sqlstate FROM ledger.error_codes e WHERE e.code = v_code;
        RAISE EXCEPTION USING ERRCODE = v_sqlstate, MESSAGE = v_code, CONSTRAINT = tg_name,
            DETAIL = jsonb_build_object('request', NEW.request_id, 'evidence', NEW.evidence_id)::text;
    END IF;
    RETURN NEW;
END
$$;

-- Whoever creates a trigger needs EXECUTE on its function: lent to the owner for this moment.
GRANT EXECUTE ON FUNCTION ledger.guard_upload_row(), ledger.guard_evidence_frozen(),
    ledger.guard_append_only() TO ledger_owner;

RESET ROLE;
SET ROLE ledger_owner;

CREATE OR REPLACE TRIGGER registry_upload_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON public.registry_upload
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
CREATE OR REPLACE TRIGGER registry_uploadrow_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON public.registry_uploadrow
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
CREATE OR REPLACE TRIGGER registry_evidence_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON public.registry_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
CREATE OR REPLACE TRIGGER registry_requestevidence_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON public.registry_requestevidence
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_append_only();
CREATE OR REPLACE TRIGGER registry_uploadrow_of_its_upload
    BEFORE INSERT ON public.registry_uploadrow
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_upload_row();
CREATE OR REPLACE TRIGGER registry_requestevidence_frozen
    BEFORE INSERT ON public.registry_requestevidence
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_evidence_frozen();

ALTER TABLE public.registry_upload ENABLE ALWAYS TRIGGER registry_upload_kept;
ALTER TABLE public.registry_uploadrow ENABLE ALWAYS TRIGGER registry_uploadrow_kept;
ALTER TABLE public.registry_evidence ENABLE ALWAYS TRIGGER registry_evidence_kept;
ALTER TABLE public.registry_requestevidence ENABLE ALWAYS TRIGGER registry_requestevidence_kept;
ALTER TABLE public.registry_uploadrow ENABLE ALWAYS TRIGGER registry_uploadrow_of_its_upload;
ALTER TABLE public.registry_requestevidence ENABLE ALWAYS TRIGGER registry_requestevidence_frozen;

REVOKE UPDATE, DELETE ON public.registry_upload, public.registry_uploadrow,
    public.registry_evidence, public.registry_requestevidence FROM portal_web;
GRANT SELECT ON public.registry_upload TO ledger_check;
GRANT SELECT ON public.registry_upload, public.registry_uploadrow, public.registry_evidence,
    public.registry_requestevidence TO ledger_auditor;

-- Said by the pages, with the row and the column. Nothing was written.
INSERT INTO ledger.error_codes AS known (code, sqlstate, domain, http_status, title, cause,
    what_to_do)
VALUES
    ('FILE_TOO_LARGE', 'LV101', 'file', 422,
     'The file is too large.',
     'The file has more bytes than are taken.',
     'The form says how large it may be. Split a list into several files; save evidence smaller.'),
    ('FILE_EMPTY', 'LV102', 'file', 422,
     'There is nothing in the file.',
     'The file has no bytes, or only the line of column names.',
     'Choose the file that you meant. A list has one line of column names, then one line a request.'),
    ('FILE_ENCODING', 'LV103', 'file', 422,
     'The file is not text in UTF-8.',
     'The file was saved in another encoding, such as UTF-16 or Windows-1252.',
     'Save it again as "CSV UTF-8".'),
    ('FILE_FORMAT', 'LV104', 'file', 422,
     'The file cannot be read as a list.',
     'A quote is not closed, tabs stand between the columns, or the file is a spreadsheet and not text.',
     'Save it as CSV, with commas or semicolons between the columns and each quote closed.'),
    ('FILE_TYPE', 'LV105', 'file', 422,
     'This kind of file is not taken, or it is not what its name says.',
     'What a file is follows from its content; its name must end accordingly.',
     'Choose a PDF, CSV, XLSX, PNG or JPEG file whose name ends accordingly.'),
    ('FILE_SENT_BEFORE', 'LV106', 'file', 422,
     'This very file was uploaded before.',
     'The organisation uploaded a file with the same content, and its requests are not discarded.',
     'Look at that upload first. If it is meant to happen twice, say so on the form.'),
    ('ROWS_TOO_MANY', 'LV107', 'file', 422,
     'The list has too many rows.',
     'Every row is looked at before anything is kept, so their number is limited.',
     'Split it into several files.'),
    ('COLUMN_UNKNOWN', 'LV108', 'file', 422,
     'The list has a column that is not known.',
     'A name in the first line is not one of the template, or is empty.',
     'Use the column names of the template, and remove what is not among them.'),
    ('COLUMN_MISSING', 'LV109', 'file', 422,
     'The list lacks a column.',
     'A column that every list of this kind needs is not in the first line.',
     'Add the column, named as in the template.'),
    ('COLUMN_TWICE', 'LV110', 'file', 422,
     'The list has a column twice.',
     'Two columns have the same name, and it cannot be known which is meant.',
     'Keep one of the two.'),
    ('ROW_EMPTY', 'LV111', 'file', 422,
     'A row between others is empty.',
     'Rows follow an empty one: something may have been lost from it.',
     'Remove the row, or fill it in.'),
    ('ROW_CELLS', 'LV112', 'file', 422,
     'A row has more or fewer cells than there are columns.',
     'The cells of the row do not stand below their columns.',
     'Look for a separator too many or too few; put text that contains one in quotes.'),
    ('VALUE_MISSING', 'LV113', 'file', 422,
     'A value is missing.',
     'A cell that must be filled in is empty.',
     'Fill in the cell.'),
    ('VALUE_INVALID', 'LV114', 'file', 422,
     'A value cannot be read.',
     'A cell holds something else than its column asks for.',
     'Type it as the template shows: whole numbers in plain digits, codes as the registry wrote them.'),
    ('VALUE_TOO_LONG', 'LV115', 'file', 422,
     'A text is too long.',
     'A text has more characters than fit.',
     'Shorten it.'),
    ('VALUE_FORMULA', 'LV116', 'file', 422,
     'A text looks like a formula.',
     'A text begins with =, +, - or @.',
     'Begin it with a letter or a digit: a spreadsheet that opens it later would compute it.'),
    ('VALUE_CONTROL', 'LV117', 'file', 422,
     'A text holds a character that cannot be shown.',
     'A text holds a line break, a NUL or another control character.',
     'Type the text again, without line breaks or invisible characters.'),
    ('NUMBERS_TWICE', 'LV118', 'file', 422,
     'Two rows name the same certificate numbers.',
     'Of two rows that name a certificate only one could be executed.',
     'Name each number once.')
ON CONFLICT (code) DO UPDATE
    SET sqlstate = EXCLUDED.sqlstate, domain = EXCLUDED.domain,
        http_status = EXCLUDED.http_status, title = EXCLUDED.title,
        cause = EXCLUDED.cause, what_to_do = EXCLUDED.what_to_do
    WHERE known IS DISTINCT FROM EXCLUDED;

RESET ROLE;
SET ROLE ledger_check;
REVOKE ALL ON FUNCTION ledger.guard_upload_row(), ledger.guard_evidence_frozen(),
    ledger.guard_append_only() FROM PUBLIC, ledger_owner;

RESET ROLE;
