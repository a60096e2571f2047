"""Very many transactions in no time: asked for at once, executed one after the other."""

from registry.models import Request
from tests.server import Database

REQUESTS = """
INSERT INTO registry_request
SELECT copy.* FROM registry_request q
CROSS JOIN generate_series(1, %(count)s) n
CROSS JOIN LATERAL jsonb_populate_record(q, jsonb_build_object(
    'id', gen_random_uuid(), 'number', nextval('registry_request_number_seq') + 0 * n,
    'idempotency_key', gen_random_uuid(), 'status', 'submitted', 'approver_id', NULL,
    'decided_at', NULL, 'executed_at', NULL, 'transaction_id', NULL, 'volume', 1,
    'submitted_fingerprint', '', 'approved_fingerprint', '')) copy
WHERE q.id = %(like)s
"""
EXECUTE = """
DO $$ DECLARE v_asked record; BEGIN
    FOR v_asked IN SELECT id, approver_id FROM registry_request
                   WHERE status = 'approved' ORDER BY number LOOP
        PERFORM ledger_api.transfer(v_asked.id, v_asked.approver_id);
        COMMIT;
    END LOOP;
END $$
"""


def transfers(database: Database, like: Request, count: int) -> None:
    """Transfer one certificate so many times, between the accounts of an earlier transfer."""
    with database.connect(autocommit=True) as administrator:
        administrator.execute(REQUESTS, {"count": count, "like": like.id})
        administrator.execute(
            "UPDATE registry_request SET status = 'approved', approver_id = %s, decided_at = now()"
            " WHERE status = 'submitted'",
            [like.approver_id],
        )
        administrator.execute(EXECUTE)
