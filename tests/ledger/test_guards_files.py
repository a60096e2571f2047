"""What people hand in: rows are only added, a row fits its upload, evidence stays as submitted."""

from uuid import uuid4

import psycopg
import pytest

from registry import services
from registry.models import Evidence, RequestEvidence, Upload, UploadRow
from tests import make
from tests.ledger.forge import refused

TABLES = ("upload", "uploadrow", "evidence", "requestevidence")
COLUMN = dict(zip(TABLES, ("size", "row", "size", "attached_at"), strict=True))
ATTACKS = (
    "UPDATE public.registry_{} SET {} = {}",
    "DELETE FROM public.registry_{}",
    "TRUNCATE public.registry_{} CASCADE",
)


def a_draft(account, kind="mint", **asks):
    submitter = make.submitter_for(account)
    return services.draft_request(
        kind=kind, submitter=submitter, commodity=make.default_commodity(), **asks
    )


def a_file(account):
    submitter = make.submitter_for(account)
    return Evidence.objects.create(
        organisation=account.organisation,
        uploader=submitter,
        name="meter.pdf",
        type="pdf",
        size=3,
        sha256="a" * 64,
    )


def an_upload(account, **fields):
    submitter = make.submitter_for(account)
    return Upload.objects.create(
        **{
            "kind": "transfer",
            "organisation": account.organisation,
            "submitter": submitter,
            "idempotency_key": uuid4(),
            "name": "list.csv",
            "size": 3,
            "sha256": "a" * 64,
            **fields,
        }
    )


@pytest.fixture
def handed_in(committed_db):
    """One row in each table."""
    account = make.account(holding=10)
    RequestEvidence.objects.create(request=a_draft(account), evidence=a_file(account))
    UploadRow.objects.create(request=a_draft(account, "transfer"), upload=an_upload(account), row=2)
    return committed_db


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("login", ["ledger_migrator", "replica"])
def test_what_was_handed_in_is_never_changed(handed_in, login, attack, table):
    connection = handed_in.connect("postgres" if login == "replica" else login)
    column = COLUMN[table]
    if login == "replica":
        connection.execute("SET session_replication_role = replica")
    else:
        connection.execute("SET ROLE ledger_owner")

    with refused("APPEND_ONLY_VIOLATION"):
        connection.execute(attack.format(table, column, column))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_the_pages_may_not_even_try(handed_in, attack, table):
    column = COLUMN[table]
    with refused("42501"):
        handed_in.connect("portal_web").execute(attack.format(table, column, column))


@pytest.mark.parametrize("fault", ["kind", "person", "organisation", "nothing"])
def test_a_row_belongs_to_the_upload_of_its_request(committed_db, fault):
    account, other = make.account(holding=10), make.account()
    colleague = make.person(account.organisation)
    upload = an_upload(
        account,
        **{
            "kind": {"kind": "retire"},
            "person": {"submitter": colleague},
            "organisation": {"organisation": other.organisation},
        }.get(fault, {}),
    )
    request_id = uuid4() if fault == "nothing" else a_draft(account, "transfer").id

    with pytest.raises(Exception, match="REQUEST_NOT_FOUND"):
        UploadRow.objects.create(request_id=request_id, upload=upload, row=2)


def test_only_a_draft_takes_evidence(committed_db):
    account = make.account(holding=10)
    plant = make.facility(account.organisation)
    submitted = make.mint_request(account, 5, facility=plant)
    transfer = a_draft(account, "transfer")
    withdrawn = a_draft(account)
    services.withdraw_request(request_id=withdrawn.id, submitter=withdrawn.submitter)
    strangers = a_file(make.account())
    mine = a_file(account)

    for request_id, file, code in (
        (submitted.id, mine, "REQUEST_FROZEN"),
        (submitted.id, None, "REQUEST_FROZEN"),
        (withdrawn.id, mine, "REQUEST_FROZEN"),
        (transfer.id, mine, "REQUEST_KIND_MISMATCH"),
        (a_draft(account).id, strangers, "ACTOR_NOT_AUTHORISED"),
        (uuid4(), mine, "REQUEST_NOT_FOUND"),
    ):
        with pytest.raises(Exception, match=code):
            RequestEvidence.objects.create(request_id=request_id, evidence=file)
    assert not RequestEvidence.objects.exists()


def test_no_file_slips_in_while_a_request_is_being_submitted(committed_db):
    account = make.account(holding=10)
    draft, file = a_draft(account), a_file(account)
    submitting, attaching = committed_db.connect("portal_web"), committed_db.connect("portal_web")
    submitting.execute(
        "UPDATE public.registry_request SET status = 'withdrawn', withdrawn_at = now()"
        " WHERE id = %s",
        [draft.id],
    )
    attaching.execute("SET lock_timeout = '200ms'")
    attach = (
        "INSERT INTO public.registry_requestevidence (request_id, evidence_id, attached_at)"
        " VALUES (%s, %s, now())"
    )

    with pytest.raises(psycopg.errors.LockNotAvailable):
        attaching.execute(attach, [draft.id, file.id])
    attaching.rollback()
    submitting.commit()
    with refused("REQUEST_FROZEN"):
        attaching.execute(attach, [draft.id, file.id])


def test_the_auditor_reads_the_hash(handed_in):
    found = handed_in.connect("ledger_auditor").execute(
        "SELECT e.sha256 FROM public.registry_requestevidence r"
        " JOIN public.registry_evidence e ON e.id = r.evidence_id"
    )

    assert found.fetchall() == [("a" * 64,)]


def test_a_forecast_says_of_each_request_what_a_preview_would(committed_db):
    source, target = make.account(holding=100), make.account()
    closed = make.account(status="closed")
    drafts = [
        a_draft(source, "transfer", source=source, target=target, volume=volume)
        for volume in (100, 101)
    ]
    drafts.append(a_draft(source, "transfer", source=source, target=closed, volume=1))
    connection = committed_db.connect("portal_web")

    found = connection.execute(
        "SELECT * FROM ledger.forecast(%s)", [[draft.id for draft in drafts]]
    ).fetchall()

    assert found == [
        (drafts[0].id, ""),
        (drafts[1].id, "INSUFFICIENT_TOTAL_BALANCE"),
        (drafts[2].id, "ACCOUNT_NOT_ACTIVE"),
    ]
