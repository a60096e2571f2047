"""Who may ask and who may decide, and what an account stays: held by the database."""

import psycopg
import pytest

from registry import services
from registry.models import Account, Organisation, Request, User
from tests import make
from tests.ledger import look
from tests.ledger.test_requests import a_request, change, draft
from tests.server import Database


def spoil_submitter(request: Request, how: str) -> None:
    people = User.objects.filter(pk=request.submitter_id)
    if how == "has left":
        people.update(is_active=False)
    elif how == "only looks":
        people.update(role="viewer")
    elif how == "organisation suspended":
        Organisation.objects.filter(pk=request.organisation_id).update(status="suspended")
    else:
        people.update(organisation=make.organisation())


@pytest.mark.parametrize(
    "how", ["has left", "only looks", "organisation suspended", "changed organisation"]
)
def test_who_may_not_submit_is_refused(committed_db, how):
    request = draft()
    spoil_submitter(request, how)

    outcome = change(committed_db, request, "status = 'submitted'")

    assert outcome == "ACTOR_NOT_AUTHORISED"


@pytest.mark.parametrize("role", ["submitter", "team_admin"])
def test_these_roles_of_a_participant_may_submit(committed_db, role):
    source = make.account(holding=10)
    person = make.person(source.organisation, role)

    done = make.request("transfer", person, source=source, target=make.account(), volume=5)

    assert done.status == "submitted"


def test_nobody_submits_for_anothers_account(committed_db):
    stranger = make.submitter_for(make.account())

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        make.request("transfer", stranger, source=make.account(), target=make.account(), volume=5)


def test_nobody_asks_for_an_issue_for_anothers_facility(committed_db):
    target = make.account()
    plant = make.facility(make.organisation())

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        make.request("mint", make.submitter_for(target), target=target, facility=plant, volume=5)


def test_a_regulator_asks_for_nothing(committed_db):
    official = make.person(make.organisation("regulator"), "submitter")

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        make.request("transfer", official, source=make.account(), target=make.account(), volume=5)


def decide(database: Database, request: Request, person: User, status: str) -> str:
    return change(
        database,
        request,
        "status = %s, decided_at = now(), approver_id = %s",
        status,
        person.pk,
    )


@pytest.mark.parametrize("status", ["approved", "rejected"])
@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("the submitter", "SELF_APPROVAL"),
        ("another sign-in of the submitter", "SELF_APPROVAL"),
        ("an operator", "ACTOR_NOT_AUTHORISED"),
        ("an approver who has left", "ACTOR_NOT_AUTHORISED"),
        ("an approver of a participant", "ACTOR_NOT_AUTHORISED"),
        ("an approver of a suspended registry", "ACTOR_NOT_AUTHORISED"),
    ],
)
def test_who_may_not_decide_is_refused(committed_db, status, who, refusal):
    request = a_request("submitted")
    person = {
        "the submitter": lambda: request.submitter,
        "another sign-in of the submitter": lambda: make.approver(
            person_id=request.submitter.person_id
        ),
        "an operator": make.operator,
        "an approver who has left": lambda: make.approver(is_active=False),
        "an approver of a participant": lambda: make.person(make.organisation(), "approver"),
        "an approver of a suspended registry": lambda: make.person(
            make.organisation("registry", status="suspended"), "approver"
        ),
    }[who]()

    assert decide(committed_db, request, person, status) == refusal
    assert Request.objects.get(pk=request.pk).status == "submitted"


def test_of_one_who_has_left_a_request_is_rejected_but_not_approved(committed_db):
    request, approver = a_request("submitted"), make.approver()
    spoil_submitter(request, "has left")

    assert decide(committed_db, request, approver, "approved") == "ACTOR_NOT_AUTHORISED"
    assert decide(committed_db, request, approver, "rejected") == "done"


# -- Accounts


@pytest.mark.parametrize(
    "assignment",
    ["type = 'trading'", "organisation_id = NULL", "commodity_id = 1", "id = gen_random_uuid()"],
)
def test_an_account_stays_what_it_is(committed_db, assignment):
    account = make.account(type="retirement")

    with (
        pytest.raises(psycopg.Error, match="ACCOUNT_TYPE_INVALID"),
        psycopg.connect(committed_db.dsn()) as connection,
    ):
        connection.execute(f"UPDATE registry_account SET {assignment} WHERE id = %s", (account.pk,))


def test_an_account_may_be_renamed_suspended_and_opened_again(committed_db):
    account = make.account(holding=10)
    Account.objects.filter(pk=account.pk).update(name="Renamed", status="suspended")
    request = make.approved_transfer(account, make.account(), 5)

    while_suspended = look.outcome(request)
    Account.objects.filter(pk=account.pk).update(status="active")

    assert (while_suspended, look.outcome(request)) == ("ACCOUNT_NOT_ACTIVE", "done")


def test_who_submits_a_draft_is_who_asks_and_may_not_decide(committed_db):
    request, approver = draft(), make.approver()
    stranger = make.person(make.registry(), "operator", person_id=approver.person_id)
    colleague = make.person(request.organisation, "team_admin", person_id=approver.person_id)
    submitted = "status = 'submitted', submitter_id = '{}'"
    approved = f"status = 'approved', approver_id = '{approver.id}', decided_at = now()"

    assert change(committed_db, request, submitted.format(stranger.id)) == "ACTOR_NOT_AUTHORISED"
    assert change(committed_db, request, f"submitter_id = '{colleague.id}'") == "REQUEST_FROZEN"
    assert change(committed_db, request, submitted.format(colleague.id)) == "done"
    assert change(committed_db, request, approved) == "SELF_APPROVAL"
