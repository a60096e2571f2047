"""The team: invited, changed, closed; and who may."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from ledgerdb.reads import rows
from registry import services
from registry.identity import hash_of
from registry.models import Invitation, User
from tests import make
from tests.portal.cast import signed_in
from tests.portal.phone import Phone, attempt

NEW = "another horse, another battery"


@pytest.fixture
def admin(cast):
    return make.person(cast.alder, "team_admin", name="A. Admin", email="admin@alder.example")


@pytest.fixture
def operator(cast):
    return make.person(make.registry(), "operator", name="I. Carvalho")


def invite(by, email="new@alder.example", role="submitter", organisation="", **answers):
    path = f"/team/invite?organisation={organisation}"
    return signed_in(by).post(path, {"email": email, "role": role, **answers})


def link() -> str:
    return re.search(r"http://testserver(/invitation/\S+)", mail.outbox[-1].body)[1]


def accept(path, name="N. New", password=NEW):
    return Client().post(path, {"name": name, "password": password})


def test_the_page_lists_the_team_and_nobody_else(cast, admin):
    page = signed_in(admin).get("/team").content.decode()

    assert "D. Marsh" in page
    assert "A. Admin" in page
    assert "C. Cole" not in page
    assert "M. Okafor" not in page


def test_an_invited_colleague_makes_a_sign_in_and_uses_it(cast, admin):
    sent = invite(admin)
    page = Client().get(link())
    done = accept(link())

    person = User.objects.get(email="new@alder.example")
    assert sent.headers["Location"] == "/team?organisation=ALD"
    assert mail.outbox[0].to == ["new@alder.example"]
    assert "Alder Wind" in page.content.decode()
    assert done.headers["Location"] == "/welcome"
    assert (person.organisation, person.role, person.name) == (cast.alder, "submitter", "N. New")
    assert attempt(Client(), person, NEW).headers["Location"] == "/"


def test_an_invitation_works_once(cast, admin):
    invite(admin)
    accept(link())

    again, looked = accept(link(), name="Somebody else"), Client().get(link())

    assert again.status_code == looked.status_code == 410
    assert User.objects.filter(email="new@alder.example").count() == 1
    assert "INVITATION_SPENT" in again.content.decode()


def test_only_the_hash_of_a_link_is_stored(cast, admin):
    invite(admin)
    token = link().removeprefix("/invitation/")

    stored = Invitation.objects.values().get()

    assert token not in str(stored)
    assert stored["token_hash"] == hash_of(token)


def test_an_invitation_ends_after_a_week(cast, admin, monkeypatch):
    later = timezone.now() + timedelta(days=7, minutes=1)
    invite(admin)
    monkeypatch.setattr(timezone, "now", lambda: later)

    assert Client().get(link()).status_code == 410
    assert accept(link()).status_code == 410
    assert not User.objects.filter(email="new@alder.example").exists()


def test_an_invitation_taken_back_or_sent_again_ends(cast, admin):
    invite(admin)
    first = link()
    invite(admin, role="viewer")
    second = link()
    waiting = Invitation.objects.get(withdrawn_at=None)

    assert accept(first).status_code == 410
    signed_in(admin).post(f"/team/invitations/{waiting.id}/withdraw")
    assert accept(second).status_code == 410


@pytest.mark.parametrize(
    ("what", "answers"), [("role", {"role": "viewer"}), ("access", {"act": "disable"})]
)
def test_what_somebody_offered_ends_with_their_right_to(cast, admin, operator, what, answers):
    make.person(cast.alder, "team_admin")
    invite(admin)

    signed_in(operator).post(f"/team/people/{admin.id}/{what}", answers)

    assert accept(link()).status_code == 410


@pytest.mark.parametrize("token", ["made-up", "%00", "x" * 300, "\uff11"])
def test_a_made_up_link_is_over(committed_db, token):
    assert Client().get(f"/invitation/{token}").status_code in (404, 410)


@pytest.mark.parametrize(
    ("name", "password"),
    [("", NEW), ("N. New", ""), ("N. New", "short"), ("N. New", "new@alder.example")],
)
def test_what_does_not_do_for_a_sign_in_is_refused_and_the_link_stays(cast, admin, name, password):
    invite(admin)

    assert accept(link(), name, password).status_code == 422
    assert accept(link()).status_code == 302


@pytest.mark.parametrize(
    "answers",
    [
        {"email": ""},
        {"email": "nobody"},
        {"email": "a\x00@alder.example"},
        {"email": "marsh@alder.example"},
        {"email": "MARSH@alder.example"},
        {"role": ""},
        {"role": "approver"},
        {"role": "operator"},
        {"same_person_as": "not-an-id"},
        {"same_person_as": str(uuid4())},
    ],
)
def test_a_wrong_invitation_is_refused_in_words_and_nothing_is_lost(cast, admin, answers):
    sent = invite(admin, **{"email": "kept@alder.example", **answers})

    assert sent.status_code == 422
    assert "There is a problem" in sent.content.decode()
    assert not Invitation.objects.exists()
    assert mail.outbox == []


def test_a_second_sign_in_is_the_same_person(cast, admin):
    invite(admin, same_person_as=cast.marsh.id)
    accept(link())

    assert User.objects.get(email="new@alder.example").person_id == cast.marsh.person_id


def test_nobody_of_another_organisation_is_a_second_self(cast, admin):
    assert invite(admin, same_person_as=cast.cole.id).status_code == 422


def test_a_team_admin_reaches_no_other_organisation(cast, admin):
    client = signed_in(admin)

    assert client.get("/team?organisation=COB").status_code == 404
    assert invite(admin, organisation="COB").status_code == 404
    assert client.get(f"/team/people/{cast.cole.id}").status_code == 404
    for what, answers in (("role", {"role": "viewer"}), ("access", {"act": "disable"})):
        assert client.post(f"/team/people/{cast.cole.id}/{what}", answers).status_code == 404
    cast.cole.refresh_from_db()
    assert (cast.cole.role, cast.cole.is_active) == ("submitter", True)


def test_an_operator_looks_after_any_organisation(cast, operator):
    invite(operator, email="first@cobalt.example", role="team_admin", organisation="COB")
    accept(link())

    page = signed_in(operator).get("/team?organisation=COB").content.decode()

    assert "first@cobalt.example" in page
    assert User.objects.get(email="first@cobalt.example").organisation == cast.cobalt


def test_a_changed_role_is_told_and_counts(cast, admin):
    client = signed_in(cast.marsh)

    signed_in(admin).post(f"/team/people/{cast.marsh.id}/role", {"role": "viewer"})

    assert client.get("/requests/new/transfer").status_code == 403
    told = cast.marsh.notices.latest("id")
    assert (told.kind, told.facts) == ("role", {"role": "viewer"})


def logged(person):
    """Return who changed a sign-in, as the log of records says it, first to last."""
    return [
        row["actor"]
        for row in rows(
            "SELECT actor_id::text AS actor FROM ledger.changes WHERE record_id = %s ORDER BY id",
            (str(person.id),),
        )
    ]


def test_the_log_names_who_let_somebody_in_and_who_changed_them(cast, admin):
    invite(admin)
    accept(link())
    person = User.objects.get(email="new@alder.example")
    client = signed_in(admin)

    client.post(f"/team/people/{person.id}/role", {"role": "viewer"})
    client.post(f"/team/people/{person.id}/access", {"act": "disable"})

    assert logged(person) == [str(admin.id)] * 3


@pytest.mark.parametrize("role", ["", "approver", "operator", "auditor", "king", "viewer\x00"])
def test_no_role_of_another_kind_is_given(cast, admin, role):
    answer = signed_in(admin).post(f"/team/people/{cast.marsh.id}/role", {"role": role})

    cast.marsh.refresh_from_db()
    assert (answer.status_code, cast.marsh.role) == (422, "submitter")


def test_a_closed_sign_in_ends_at_once_and_works_again_when_opened(cast, admin):
    client = signed_in(cast.marsh)
    path = f"/team/people/{cast.marsh.id}/access"

    signed_in(admin).post(path, {"act": "disable"})
    closed = client.get("/").headers["Location"]
    signed_in(admin).post(path, {"act": "enable"})

    assert closed.startswith("/sign-in")
    assert signed_in(cast.marsh).get("/").status_code == 200


def test_nobody_changes_their_own_sign_in(cast, admin):
    make.person(cast.alder, "team_admin")
    twin = make.person(cast.alder, "viewer", person_id=admin.person_id)
    client = signed_in(admin)

    for person in (admin, twin):
        page = client.get(f"/team/people/{person.id}").content.decode()
        role = client.post(f"/team/people/{person.id}/role", {"role": "submitter"})
        closing = client.post(f"/team/people/{person.id}/access", {"act": "disable"})
        assert "This is you." in page
        assert role.status_code == closing.status_code == 422
    assert set(User.objects.filter(person_id=admin.person_id).values_list("role", "is_active")) == {
        ("team_admin", True),
        ("viewer", True),
    }


@pytest.mark.parametrize(
    ("what", "answers"), [("role", {"role": "viewer"}), ("access", {"act": "disable"})]
)
def test_the_last_team_admin_stays(cast, admin, operator, what, answers):
    answer = signed_in(operator).post(f"/team/people/{admin.id}/{what}", answers)

    admin.refresh_from_db()
    assert answer.status_code == 403
    assert "LAST_ADMIN" in answer.content.decode()
    assert (admin.role, admin.is_active) == ("team_admin", True)


def test_lost_factors_are_taken_away_and_told(cast, admin, monkeypatch):
    Phone(monkeypatch).give_to(cast.marsh)
    client = signed_in(cast.marsh)

    signed_in(admin).post(f"/team/people/{cast.marsh.id}/access", {"act": "clear"})
    again = signed_in(admin).post(f"/team/people/{cast.marsh.id}/access", {"act": "clear"})

    cast.marsh.set_password(NEW)
    cast.marsh.save(update_fields=["password"])
    assert again.status_code == 302
    assert attempt(Client(), cast.marsh, NEW).headers["Location"] == "/"
    assert [
        notice.facts["what"] for notice in cast.marsh.notices.filter(kind="factor").order_by("id")
    ] == [
        "authenticator app set up",
        "removed by somebody who looks after your team",
    ]
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("act", ["", "delete", "\x00"])
def test_an_unknown_act_does_nothing(cast, admin, act):
    path = f"/team/people/{cast.marsh.id}/access"

    assert signed_in(admin).post(path, {"act": act}).status_code == 422


def waiting(operator, role="approver", **answers) -> Invitation:
    invite(operator, email="tomas@registry.example", role=role, **answers)
    return Invitation.objects.get(email="tomas@registry.example")


def test_registry_staff_are_let_in_by_two_persons(cast, operator):
    invitation = waiting(operator)
    before = list(mail.outbox)
    page = signed_in(cast.approver).get(f"/team/invitations/{invitation.id}/confirm")

    done = signed_in(cast.approver).post(f"/team/invitations/{invitation.id}/confirm")

    assert before == []
    assert "I. Carvalho" in page.content.decode()
    assert done.headers["Location"] == "/team?organisation=REGISTRY"
    accept(link())
    assert User.objects.get(email="tomas@registry.example").role == "approver"


def test_an_invitation_is_confirmed_once(cast, operator):
    path = f"/team/invitations/{waiting(operator).id}/confirm"

    for _ in range(2):
        assert signed_in(cast.approver).post(path).status_code == 302
    assert len(mail.outbox) == 1


def test_the_inviter_confirms_nothing_not_even_as_an_approver(cast, operator):
    invitation = waiting(operator)
    twin = make.approver(name="The same", person_id=operator.person_id)

    by_operator = signed_in(operator).post(f"/team/invitations/{invitation.id}/confirm")
    by_twin = signed_in(twin).post(f"/team/invitations/{invitation.id}/confirm")

    page = signed_in(twin).get(f"/team/invitations/{invitation.id}/confirm").content.decode()

    assert "You invited them, so somebody else confirms it." in page
    assert by_operator.status_code == by_twin.status_code == 403
    assert "SELF_APPROVAL" in by_twin.content.decode()
    assert mail.outbox == []


def test_confirming_takes_a_code_where_deciding_does(cast, operator, settings, monkeypatch):
    settings.REQUIRE_MFA = True
    phone = Phone(monkeypatch)
    path = f"/team/invitations/{waiting(operator).id}/confirm"
    client = signed_in(cast.approver)

    without = client.post(path).headers["Location"]
    phone.give_to(cast.approver)
    wrong = client.post(path, {"code": "000000"}).status_code
    right = client.post(path, {"code": phone.code()}).status_code

    assert (without, wrong, right) == ("/me/app", 422, 302)
    assert len(mail.outbox) == 1


def test_staff_keep_their_role(cast, operator):
    page = signed_in(operator).get(f"/team/people/{cast.approver.id}").content.decode()
    answer = signed_in(operator).post(f"/team/people/{cast.approver.id}/role", {"role": "operator"})

    assert "invite them anew" in page
    assert answer.status_code == 422


def test_a_mail_that_cannot_be_sent_stops_nothing(cast, admin, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.setattr("portal.mail.send_mail", refuse)

    assert invite(admin).status_code == 302
    assert services.withdraw_invitation(invitation_id=Invitation.objects.get().id) is None
