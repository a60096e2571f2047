-- Before PREVIEW.
SET ROLE ledger_writer;
DROP FUNCTION ledger.preview_of_mint(public.registry_request, timestamptz);
DROP FUNCTION ledger.preview_of_pieces(public.registry_request, ledger.piece[]);
DROP FUNCTION ledger_api.preview(uuid);
RESET ROLE;
