-- Before the guards of replays: their triggers go with them. Refused here already, where undoing begins.
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.transactions) THEN
        RAISE EXCEPTION 'The ledger holds history: it cannot be uninstalled.';
    END IF;
END
$$;
SET ROLE ledger_owner;
DROP TRIGGER registry_replayrun_kept ON public.registry_replayrun;
DROP TRIGGER registry_replayrejection_kept ON public.registry_replayrejection;
DROP TRIGGER registry_replayvariance_kept ON public.registry_replayvariance;
DELETE FROM ledger.error_codes WHERE domain = 'replay' OR code = 'REPLAY_OUT_OF_ORDER';
RESET ROLE;
SET ROLE ledger_check;
DROP FUNCTION ledger.guard_replay_variance() CASCADE;
DROP FUNCTION ledger.guard_replay_rejection() CASCADE;
DROP FUNCTION ledger.guard_replay_run() CASCADE;
RESET ROLE;
