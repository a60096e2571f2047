"""Sign-ins and invitations: what the database holds, whoever writes to it."""

from uuid import uuid4

import pytest
from django.db import connections

from ledgerdb.errors import LedgerError
from registry import services
from registry.models import Invitation, User
from tests import make
from tests.ledger.forge import refused
from tests.together import together, while_held

LOGINS = ("portal_web", "ledger_owner", "replica")


@pytest.fixture(params=LOGINS)
def change(request, committed_db):
    """Return how one login changes a row."""
    login = request.param
    connection = committed_db.connect(
        {"replica": "postgres", "ledger_owner": "ledger_migrator"}.get(login, login)
    )
    if login == "replica":
        connection.execute("SET session_replication_role = replica")
    if login == "ledger_owner":
        connection.execute("SET ROLE ledger_owner")

    def run(row, changes, **values):
        statement = f"UPDATE public.{row._meta.db_table} SET {changes} WHERE id = %(id)s"
        connection.execute(statement, {"id": row.pk, **values})
        connection.commit()

    return run


@pytest.fixture
def operator(committed_db):
    return make.operator()


@pytest.fixture
def invitation(operator):
    """An invitation of an approver that waits for a second person."""
    return services.invite(
        by=operator,
        organisation=make.registry(),
        email="tomas@registry.example",
        role="approver",
    )[0]


def offered(organisation=None):
    """Invite a viewer; return the invitation and its token."""
    organisation = organisation or make.organisation()
    return services.invite(
        by=make.operator(), organisation=organisation, email="new@alder.example", role="viewer"
    )


@pytest.mark.parametrize("how", ["is_active = false", "role = 'viewer'"])
def test_the_last_team_admin_stays(change, how):
    admin = make.person(make.organisation(), "team_admin")
    make.person(make.organisation(), "team_admin")
    make.person(admin.organisation, "team_admin", is_active=False)

    with refused("LAST_ADMIN", "registry_user_last_admin"):
        change(admin, how)


def test_the_last_operator_stays(change, operator):
    with refused("LAST_ADMIN"):
        change(operator, "is_active = false")


def test_one_of_two_team_admins_goes(change):
    admin = make.person(make.organisation(), "team_admin")
    make.person(admin.organisation, "team_admin")

    change(admin, "is_active = false")

    admin.refresh_from_db()
    assert not admin.is_active


def removing(person, by):
    def run():
        try:
            services.change_role(user_id=person.id, role="viewer", by=by)
        except LedgerError as error:
            return error.code
        finally:
            connections.close_all()
        return "done"

    return run


def test_two_team_admins_who_remove_each_other_at_once_leave_one(committed_db):
    first = make.person(make.organisation(), "team_admin")
    second = make.person(first.organisation, "team_admin")
    holder = committed_db.connect("postgres")
    holder.execute(
        "SELECT FROM registry_organisation WHERE id = %s FOR NO KEY UPDATE",
        (first.organisation_id,),
    )

    outcomes = while_held(committed_db, holder, removing(first, second), removing(second, first))

    assert sorted(outcomes) == ["LAST_ADMIN", "done"]
    assert User.objects.filter(role="team_admin", is_active=True).count() == 1


@pytest.mark.parametrize("role", ["operator", "approver"])
def test_nobody_rises_to_registry_staff(change, role):
    person = make.person(make.registry(), "operator" if role == "approver" else "approver")

    with refused("ACTOR_NOT_AUTHORISED", "registry_user_kept"):
        change(person, "role = %(role)s", role=role)


def test_an_approver_of_one_organisation_does_not_become_one_of_another(change):
    person = make.person(make.organisation(), "approver")

    with refused("ACTOR_NOT_AUTHORISED"):
        change(person, "organisation_id = %(to)s", to=make.registry().id)


PERSONS = {"nobody's": lambda other: uuid4(), "another's": lambda other: other.person_id}


@pytest.mark.parametrize("whose", PERSONS)
def test_one_person_never_becomes_two(change, whose):
    person = make.person(make.organisation())
    twin = make.person(person.organisation, person_id=person.person_id)
    other = make.person(person.organisation)

    with refused("ACTOR_NOT_AUTHORISED"):
        change(twin, "person_id = %(to)s", to=PERSONS[whose](other))


def test_two_sign_ins_may_turn_out_to_be_one_person(change):
    person, other = (make.person(make.organisation()) for _ in range(2))

    change(other, "person_id = %(to)s", to=person.person_id)

    other.refresh_from_db()
    assert other.person_id == person.person_id


@pytest.mark.parametrize(
    "changes",
    [
        "email = 'else@registry.example'",
        "role = 'operator'",
        "organisation_id = (SELECT id FROM registry_organisation WHERE kind = 'participant')",
        "invited_by_id = (SELECT id FROM registry_user WHERE role = 'viewer')",
        "same_person_as_id = (SELECT id FROM registry_user WHERE role = 'viewer')",
        "created_at = now() + interval '1 day'",
    ],
)
def test_what_was_offered_stays(change, invitation, changes):
    make.person(make.organisation(), "viewer")

    with refused("INVITATION_SPENT", "registry_invitation_kept"):
        change(invitation, changes)


LINK = "token_hash = 'h', expires_at = now() + interval '1 hour'"
CONFIRMED = "confirmed_by_id = %(by)s, confirmed_at = now()"


def test_staff_get_no_link_without_a_second_person(change, invitation):
    with refused("ACTOR_NOT_AUTHORISED", "registry_invitation_kept"):
        change(invitation, LINK)


@pytest.mark.parametrize("role", ["operator", "auditor", "viewer"])
def test_the_second_person_is_an_approver(change, invitation, role):
    with refused("ACTOR_NOT_AUTHORISED"):
        change(invitation, f"{CONFIRMED}, {LINK}", by=make.person(make.registry(), role).id)


def test_the_second_person_is_active(change, invitation):
    left = make.approver(name="Gone", is_active=False)

    with refused("ACTOR_NOT_AUTHORISED"):
        change(invitation, f"{CONFIRMED}, {LINK}", by=left.id)


def test_the_second_person_is_another_one(change, invitation, operator):
    twin = make.approver(name="The same", person_id=operator.person_id)

    with refused("SELF_APPROVAL"):
        change(invitation, f"{CONFIRMED}, {LINK}", by=twin.id)


def test_a_link_is_taken_in_time(change):
    invitation, _ = offered()
    person = make.person(make.organisation())

    with refused("INVITATION_SPENT"):
        change(
            invitation,
            "expires_at = now() - interval '1 day', accepted_at = now(), accepted_as_id = %(who)s",
            who=person.id,
        )


@pytest.mark.parametrize(
    "end", ["accepted_at = NULL, accepted_as_id = NULL", "withdrawn_at = now()"]
)
def test_what_was_taken_stays_taken(change, end):
    invitation, token = offered()
    services.accept_invitation(token=token, name="N. New", password=make.PASSWORD)

    with refused("INVITATION_SPENT"):
        change(invitation, end)


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("participant", "approver"),
        ("participant", "auditor"),
        ("registry", "viewer"),
        ("registry", "auditor"),
        ("regulator", "approver"),
    ],
)
def test_a_role_is_of_its_kind_of_organisation(committed_db, kind, role):
    home = make.registry() if kind == "registry" else make.organisation(kind)

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        services.invite(by=make.operator(), organisation=home, email="x@x.example", role=role)


@pytest.mark.parametrize("role", ["viewer", "submitter", "approver", "auditor"])
def test_who_looks_after_no_team_invites_nobody(committed_db, role):
    person = make.person(make.registry() if role == "approver" else make.organisation(), role)

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        services.invite(
            by=person, organisation=make.organisation(), email="x@x.example", role="viewer"
        )


def test_a_team_admin_invites_into_no_other_organisation(committed_db):
    admin = make.person(make.organisation(), "team_admin")

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        services.invite(
            by=admin, organisation=make.organisation(), email="x@x.example", role="viewer"
        )


def test_a_link_taken_twice_at_once_makes_one_sign_in(committed_db):
    _, token = offered()

    def take():
        try:
            services.accept_invitation(token=token, name="N. New", password=make.PASSWORD)
        except LedgerError as error:
            return error.code
        finally:
            connections.close_all()
        return "done"

    outcomes = together(take, take, take)

    assert sorted(outcomes) == ["INVITATION_SPENT", "INVITATION_SPENT", "done"]
    assert User.objects.filter(email="new@alder.example").count() == 1


def test_one_address_has_one_open_invitation_of_an_organisation(committed_db):
    home = make.organisation()
    offered(home)
    _, token = offered(home)

    assert Invitation.objects.filter(withdrawn_at=None).count() == 1
    assert services.accept_invitation(token=token, name="N", password=make.PASSWORD)


def test_nobody_deletes_an_invitation(committed_db):
    offered()

    with refused("42501"):
        committed_db.connect("portal_web").execute("DELETE FROM registry_invitation")


def test_the_column_that_lets_the_guard_lock_an_organisation_says_nothing(committed_db):
    home = make.organisation()
    guard = committed_db.connect("ledger_migrator")
    guard.execute("SET ROLE ledger_check")

    with refused("registry_organisation_ledger_lock_ck"):
        guard.execute("UPDATE registry_organisation SET ledger_lock = 1 WHERE id = %s", (home.id,))
