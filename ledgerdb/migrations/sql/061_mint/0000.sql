-- Before MINT.
SET ROLE ledger_writer;
DROP FUNCTION ledger_api.mint(uuid, uuid);
DROP FUNCTION ledger.check_numbers(bigint, bigint);
DROP FUNCTION ledger.write_batch(ledger.transactions, ledger.assets, uuid, uuid);
DROP FUNCTION ledger.mint_fingerprint(ledger.assets, uuid);
DROP FUNCTION ledger.plan_mint(public.registry_request, timestamptz);
RESET ROLE;
