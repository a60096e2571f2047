-- Before the type.
DROP TYPE ledger.piece;
