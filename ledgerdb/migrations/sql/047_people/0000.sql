-- Before the guards of people: their triggers go with them.
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_invitation() CASCADE;
DROP FUNCTION ledger.guard_last_admin() CASCADE;
DROP FUNCTION ledger.guard_user_kept() CASCADE;
RESET ROLE;
