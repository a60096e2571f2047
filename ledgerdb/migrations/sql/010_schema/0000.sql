-- Before the types.
DROP TYPE ledger.piece;
