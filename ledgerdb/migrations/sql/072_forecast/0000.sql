-- Before the forecast.
SET ROLE ledger_owner;
DROP FUNCTION ledger.forecast(uuid[]);
RESET ROLE;
