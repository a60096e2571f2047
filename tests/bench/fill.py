"""Fill a database with accounts, holdings and approved requests for the measurements."""

import hashlib

import psycopg
from django.core.management import call_command

from ledgerdb.bootstrap import bootstrap, close_change_window, open_change_window
from ledgerdb.embedded import EmbeddedServer
from tests.server import Server, django_uses

ACCOUNTS = 1000
COMMODITIES = 8
DATABASE = "bench"
TPCB = "tpcb"

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
        md5('traders')::uuid, 'submitter', true, now(), '!');
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
SELECT request_id(:base + n), 'submitted', {columns},
       gen_random_uuid(), now(), now(), '', '', '', ''
FROM generate_series(0, :count - 1) n;
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
        source=f"md5('account ' || (n * 7919 + {other}) % {accounts} + 1)::uuid",
        target=f"md5('account ' || (n * 7919 + {half} + {other}) % {accounts} + 1)::uuid",
        volume="1 + floor(random() * 20)::bigint",
    )


HOT_PAIR = columns(
    "transfer",
    source="md5('account ' || 1 + n % 2)::uuid",
    target="md5('account ' || 2 - n % 2)::uuid",
    volume="1 + floor(random() * 20)::bigint",
)


def uuid(name: str) -> str:
    """Return the id that ``REFERENCE`` gives to this name."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def sweep(kind: str, blocks: int) -> str:
    """Describe a retirement of so many blocks of one certificate, or an expiry of so many."""
    if kind == "expire":
        return columns("expire", commodity="8", max_blocks=str(blocks))
    return columns(
        "retire",
        source="md5('account 1')::uuid",
        target="md5('retirement')::uuid",
        volume=str(blocks),
        beneficiary="'Town'",
    )


class Ledger:
    """A database with a ledger, filled in bulk as its superuser."""

    def __init__(
        self, server: EmbeddedServer, name: str, *, lasting: int = 1000, accounts: int = ACCOUNTS
    ) -> None:
        """Make the database, migrate it, and add the reference rows."""
        self.accounts = accounts
        self.server = server
        self.name = name
        self.next_request = 1
        bootstrap(server.dsn(), name)
        open_change_window(server.dsn(), name, reason="measurement")
        with django_uses(Server(server.dsn(), {}), name):
            call_command("migrate", database="migrator", verbosity=0)
        close_change_window(server.dsn(), name)
        self.connection = psycopg.connect(server.dsn(dbname=name), autocommit=True)
        self.connection.execute(
            "CREATE FUNCTION public.request_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS "
            "$$ SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$"
        )
        psycopg.ClientCursor(self.connection).execute(
            REFERENCE, {"commodities": COMMODITIES, "accounts": ACCOUNTS, "lasting": lasting}
        )

    def approve(self, content: str, count: int) -> int:
        """Add approved requests; return the number of the first."""
        base = self.next_request
        statement = REQUEST.format(columns=content)
        statement = statement.replace(":base", str(base)).replace(":count", str(count))
        self.connection.execute(statement)
        self.connection.execute(
            "UPDATE registry_request SET status = 'approved', approver_id = md5('approver')::uuid,"
            " decided_at = now() WHERE id >= request_id(%s) AND status = 'submitted'",
            (base,),
        )
        self.next_request = base + count
        return base

    def execute(self, kind: str, content: str, count: int) -> None:
        """Approve and execute requests one after the other, as fast as the server can."""
        base = self.approve(content, count)
        self.connection.execute(
            f"DO $$ BEGIN FOR n IN {base}..{base + count - 1} LOOP"
            f" PERFORM ledger_api.{kind}(request_id(n), md5('approver')::uuid);"
            " IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$"
        )

    def call(self, kind: str, number: int) -> None:
        """Execute one approved request."""
        self.connection.execute(
            f"SELECT ledger_api.{kind}(request_id(%s), md5('approver')::uuid)", (number,)
        )

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
            self.mint(commodity, f"md5('account ' || 1 + n % {self.accounts})::uuid", 1000, each)
        rest = (blocks - each * COMMODITIES) // COMMODITIES
        while rest > 0:
            for commodity in range(1, COMMODITIES + 1):
                self.split(commodity, min(rest, 10_000))
            rest -= 10_000

    def split(self, commodity: int, blocks: int, size: int = 40) -> None:
        """Issue one batch and cut it into blocks, every other one to the next account."""
        number = self.next_request
        account = f"md5('account ' || {number % self.accounts + 1})::uuid"
        self.mint(commodity, account, blocks * size, 1)
        self.execute(
            "transfer",
            columns(
                "transfer",
                commodity=str(commodity),
                source=account,
                target=f"md5('account ' || {(number + 1) % self.accounts + 1})::uuid",
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

    def many_to_retire(self, blocks: int) -> None:
        """Give the first account so many blocks of one certificate."""
        self.next_request += 1000 - self.next_request % 1000
        self.split(1, blocks, size=1)
        source = "md5('account 2')::uuid"
        self.execute(
            "transfer",
            columns(
                "transfer", source=source, target="md5('account 1')::uuid", volume=str(blocks // 2)
            ),
            1,
        )

    def many_to_expire(self, blocks: int) -> None:
        """Issue so many batches of one certificate that has expired."""
        self.mint(8, "md5('account ' || 1 + n % 1000)::uuid", 1, blocks)

    def deadlocks(self) -> int:
        """Count the deadlocks that PostgreSQL saw in this database."""
        (count,) = self.connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
        return count

    def consumed_per_transfer(self, transfers: int) -> float:
        """Return the mean number of blocks that each of the last transfers consumed."""
        (mean,) = self.connection.execute(
            "SELECT count(*)::float / %s FROM ledger.transaction_item_inputs WHERE transaction_id"
            " > (SELECT max(id) - %s FROM ledger.transactions)",
            (transfers, transfers),
        ).fetchone()
        return mean

    def drop(self) -> None:
        """Drop the database."""
        self.connection.close()
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    def proof(self) -> tuple[bool, bool]:
        """Say whether the ledger reconciles, and whether every chain verifies."""
        (sound,) = self.connection.execute(
            "SELECT (ledger.reconcile() ->> 'ok')::boolean"
        ).fetchone()
        (bad,) = self.connection.execute(
            "SELECT count(ledger.verify_chain(id)) FROM registry_commodity"
        ).fetchone()
        return sound, bad == 0
