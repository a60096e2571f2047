"""Measures the ledger against pgbench's TPC-B-like transaction on the same server."""
