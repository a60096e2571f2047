"""
Requests and their execution in bulk, as the database administrator, by the ledger's own functions.

For made-up histories and for measurements. Nothing goes round a guard: requests are added and
approved many at a time, and executed on the server by the functions that execute every other.
"""

import hashlib
from collections.abc import Callable

import psycopg

ACCOUNTS = 1000
COMMODITIES = 8
# Executed in one go; one COMMIT for so many.
AT_ONCE, COMMIT_EVERY = 5000, 100
Progress = Callable[[], None]

# Reference rows in bulk; the guards look at each as at any other.
REFERENCE = """
INSERT INTO registry_organisation
    (id, code, name, kind, status, country, registration_no, created_at)
VALUES (md5('registry')::uuid, 'REGISTRY', 'Registry', 'registry', 'active', '', '', now()),
       (md5('traders')::uuid, 'TRADERS', 'Traders', 'participant', 'active', '', '', now());
INSERT INTO registry_user (id, person_id, code, email, name, organisation_id, role, is_active,
                           created_at, password)
VALUES (md5('approver')::uuid, gen_random_uuid(), 'approver', 'approver@example.org', 'Approver',
        md5('registry')::uuid, 'approver', true, now(), '!'),
       (md5('operator')::uuid, gen_random_uuid(), 'operator', 'operator@example.org', 'Operator',
        md5('registry')::uuid, 'operator', true, now(), '!'),
       (md5('trader')::uuid, gen_random_uuid(), 'trader', 'trader@example.org', 'Trader',
        md5('traders')::uuid, 'submitter', true, now(), '!'),
       (md5('auditor')::uuid, gen_random_uuid(), 'auditor', 'auditor@example.org', 'Auditor',
        md5('registry')::uuid, 'auditor', true, now(), '!');
INSERT INTO registry_region (code, name) VALUES ('N', 'North');
INSERT INTO registry_commodity (code, name, unit, unit_per_certificate, transferable, retirable,
                                reassignable, periods_may_overlap, time_zone, months_to_expiry)
SELECT 'C' || n, 'Commodity ' || n, 'MWh', 1, true, true, true, true, 'UTC',
       CASE WHEN n > %(lasting)s THEN 1 END
FROM generate_series(1, %(commodities)s) n;
INSERT INTO registry_account (id, code, name, type, status, commodity_id, opened_at)
SELECT gen_random_uuid(), c.code || '-' || kind, '', kind, 'active', c.id, now()
FROM registry_commodity c, unnest(ARRAY['issuance', 'expiry']) kind;
INSERT INTO registry_account (id, code, name, type, status, organisation_id, opened_at)
SELECT md5('account ' || n)::uuid, 'A' || n, '', 'trading', 'active', md5('traders')::uuid, now()
FROM generate_series(1, %(accounts)s) n;
INSERT INTO registry_account (id, code, name, type, status, organisation_id, opened_at)
VALUES (md5('retirement')::uuid, 'RET', '', 'retirement', 'active', md5('traders')::uuid, now());
INSERT INTO registry_facility (id, code, name, organisation_id, region_id, technology, status,
                               created_at)
SELECT md5('facility')::uuid, 'F', 'Facility', md5('traders')::uuid, id, '', 'active', now()
FROM registry_region;
"""

REQUEST = """
INSERT INTO registry_request
    (id, status, kind, organisation_id, commodity_id, source_id, target_id, volume, facility_id,
     production_start, production_end, ranges, max_blocks, source_serial, beneficiary,
     beneficiary_country, beneficiary_place, reason, note, submitter_id, idempotency_key,
     created_at, submitted_at, submitted_fingerprint, decision_reason, approved_fingerprint,
     failure_code)
SELECT {id}, 'submitted', {columns},
       gen_random_uuid(), now(), now(), '', '', '', ''
FROM generate_series(0, {count} - 1) n;
"""


def columns(kind: str, **values: str) -> str:
    """Return the content columns of a request as SQL, in the order of ``REQUEST``."""
    given = {
        "commodity": "1",
        "source": "NULL::uuid",
        "target": "NULL::uuid",
        "volume": "NULL::bigint",
        "facility": "NULL::uuid",
        "start": "NULL::date",
        "end": "NULL::date",
        "ranges": "NULL::int8multirange",
        "max_blocks": "NULL::integer",
        "beneficiary": "''",
        **values,
    }
    # Only the registry's own staff may ask for an expiry.
    by_staff = kind == "expire"
    organisation, submitter = ("registry", "operator") if by_staff else ("traders", "trader")
    return ", ".join(
        [
            f"'{kind}'",
            f"md5('{organisation}')::uuid",
            given["commodity"],
            given["source"],
            given["target"],
            given["volume"],
            given["facility"],
            given["start"],
            given["end"],
            given["ranges"],
            given["max_blocks"],
            "''",
            given["beneficiary"],
            "''",
            "''",
            given["beneficiary"],
            "''",
            f"md5('{submitter}')::uuid",
        ]
    )


def uniform(accounts: int = ACCOUNTS) -> str:
    """Describe transfers between random accounts, never to oneself, in random commodities."""
    half = accounts // 2
    other = f"floor(random() * {half - 1})::integer"
    return columns(
        "transfer",
        commodity=f"1 + floor(random() * {COMMODITIES})::integer",
        source=account(f"(n * 7919 + {other}) % {accounts} + 1"),
        target=account(f"(n * 7919 + {half} + {other}) % {accounts} + 1"),
        volume="1 + floor(random() * 20)::bigint",
    )


def uuid(name: str) -> str:
    """Return the id that ``REFERENCE`` gives to this name."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def account(number: object) -> str:
    """Return the id of the account with a number, as SQL."""
    return f"md5('account ' || {number})::uuid"


def numbered(number: str) -> str:
    """Return the id of the request with a number, as SQL."""
    return f"('00000000-0000-4000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


class Bulk:
    """A ledger with made-up accounts, filled by its administrator."""

    def __init__(
        self,
        connection: psycopg.Connection,
        *,
        accounts: int = ACCOUNTS,
        lasting: int = ACCOUNTS,
        progress: Progress = lambda: None,
    ) -> None:
        """
        Add the reference rows to an empty registry.

        :param connection: of a superuser, in autocommit
        :param lasting: commodities numbered above this expire
        :param progress: called after every part of the work
        """
        self.connection = connection
        self.accounts = accounts
        self.progress = progress
        self.next_request = 1
        psycopg.ClientCursor(connection).execute(
            REFERENCE, {"commodities": COMMODITIES, "accounts": accounts, "lasting": lasting}
        )

    def approve(self, content: str, count: int) -> int:
        """Add approved requests; return the number of the first."""
        base = self.next_request
        self.connection.execute(
            REQUEST.format(id=numbered(f"{base}::bigint + n"), columns=content, count=count)
        )
        self.connection.execute(
            "UPDATE registry_request SET status = 'approved', approver_id = md5('approver')::uuid,"
            f" decided_at = now() WHERE id >= {numbered(f'{base}::bigint')}"
            " AND status = 'submitted'"
        )
        self.next_request = base + count
        return base

    def execute(self, kind: str, content: str, count: int) -> None:
        """Approve and execute requests one after the other, as fast as the server can."""
        base = self.approve(content, count)
        for first in range(base, base + count, AT_ONCE):
            last = min(first + AT_ONCE, base + count) - 1
            self.connection.execute(
                f"DO $$ BEGIN FOR n IN {first}..{last} LOOP"
                f" PERFORM ledger_api.{kind}({numbered('n::bigint')}, md5('approver')::uuid);"
                f" IF n % {COMMIT_EVERY} = 0 THEN COMMIT; END IF; END LOOP; END $$"
            )
            self.progress()

    def mint(self, commodity: int, target: str, volume: int, count: int) -> None:
        """Issue batches of one commodity; ``target`` is SQL over n."""
        self.execute(
            "mint",
            columns(
                "mint",
                commodity=str(commodity),
                target=target,
                volume=str(volume),
                facility="md5('facility')::uuid",
                start="date '2024-01-01'",
                end="date '2024-01-31'",
            ),
            count,
        )

    def hold(self, blocks: int) -> None:
        """Spread so many blocks over the accounts and the commodities."""
        each = min(blocks // COMMODITIES, self.accounts)
        for commodity in range(1, COMMODITIES + 1):
            self.mint(commodity, account(f"1 + n % {self.accounts}"), 1000, each)
        rest = (blocks - each * COMMODITIES) // COMMODITIES
        while rest > 0:
            for commodity in range(1, COMMODITIES + 1):
                self.split(commodity, min(rest, 10_000))
            rest -= 10_000

    def split(
        self,
        commodity: int,
        blocks: int,
        size: int = 40,
        *,
        giver: int | None = None,
        taker: int | None = None,
    ) -> None:
        """Issue one batch and cut it into blocks, every other one to another account."""
        number = self.next_request
        source = account(giver or number % self.accounts + 1)
        self.mint(commodity, source, blocks * size, 1)
        self.execute(
            "transfer",
            columns(
                "transfer",
                commodity=str(commodity),
                source=source,
                target=account(taker or (number + 1) % self.accounts + 1),
                ranges=(
                    "(SELECT range_agg(int8range(a.first_no + part * "
                    f"{2 * size}, a.first_no + part * {2 * size} + {size}))"
                    f" FROM generate_series(0, {blocks // 2 - 1}) part,"
                    " (SELECT first_no FROM ledger.assets WHERE commodity_id = "
                    f"{commodity} ORDER BY first_no DESC LIMIT 1) a)"
                ),
            ),
            1,
        )
