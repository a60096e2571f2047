-- FORECAST: what the ledger would say to each of many requests if it were executed now, alone.
-- Answers one row a request: the name of the refusal, or nothing. Names only what a person can mend;
-- whatever else goes wrong is raised.
-- Locks: nothing.

SET ROLE ledger_owner;

-- FORECAST: one call for a whole list of drafts, where a preview of each would be as many.
CREATE OR REPLACE FUNCTION ledger.forecast(p_request_ids uuid[])
RETURNS TABLE (request_id uuid, refusal text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    FOREACH request_id IN ARRAY p_request_ids LOOP
        BEGIN
            PERFORM ledger_api.preview(request_id);
            refusal := '';
        -- The classes LR, LC and LV, and a balance that is too small (095_errors.sql).
        EXCEPTION WHEN SQLSTATE 'LR001' OR SQLSTATE 'LR005'
            OR SQLSTATE 'LC001' OR SQLSTATE 'LC002' OR SQLSTATE 'LC003' OR SQLSTATE 'LC004'
            OR SQLSTATE 'LC005' OR SQLSTATE 'LC006' OR SQLSTATE 'LC007' OR SQLSTATE 'LC008'
            OR SQLSTATE 'LV001' OR SQLSTATE 'LV002' OR SQLSTATE 'LV003' OR SQLSTATE 'LV004'
            OR SQLSTATE 'LV005'
            OR SQLSTATE 'LB001' THEN
            refusal := sqlerrm;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ledger.forecast(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.forecast(uuid[]) TO portal_web;

RESET ROLE;
