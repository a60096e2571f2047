"""The registry's desk: organisations, accounts, facilities, commodities, and the log of changes."""
