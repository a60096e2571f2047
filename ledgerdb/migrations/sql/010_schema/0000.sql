-- Before the types.
DROP TYPE ledger.look;
DROP TYPE ledger.piece;
