"""Runs of a replay and what was decided about them: what the database holds, whoever writes."""

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from ledgerdb.errors import LedgerError, Refused, translated
from registry.models import ReplayRejection, ReplayRun, ReplayVariance
from tests import make
from tests.ledger.forge import refused

HEADS = {"CDC": {"height": 2, "hash": "ab"}}


@pytest.fixture(autouse=True)
def pages(committed_db):
    """Return a connection of the pages to the database that every test here has of its own."""
    return committed_db.connect("portal_web", autocommit=True)


def change(row, **fields):
    """Change a row past every service."""
    with translated():
        type(row).objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()


def code_of(act) -> str:
    """Return the name of the refusal of what is done, or nothing."""
    try:
        act()
    except LedgerError as error:
        return error.code
    return ""


def started() -> ReplayRun:
    """Return a run that is running."""
    run = make.replay_run()
    own = f"{connection.settings_dict['NAME']}_replay_{run.pk}"
    change(run, state="running", started_at=timezone.now(), database=own, map_version="m")
    return run


def finished() -> ReplayRun:
    """Return a run that has ended well."""
    run = started()
    change(run, state="finished", finished_at=timezone.now(), reconciled=True, heads=HEADS)
    return run


def test_a_run_keeps_what_it_was_given_and_what_it_was_started_with():
    run = started()

    for name, other in {"sha256": "1" * 64, "options": {"a": 1}, "map_version": "n"}.items():
        assert code_of(lambda n=name, o=other: change(run, **{n: o})) == "REPLAY_RUN_FROZEN", name


@pytest.mark.parametrize(
    "changes",
    [{"rejected": 3}, {"state": "running"}, {"heads": {}}, {"reconciled": False}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_run_that_ended_stays_as_it_is(changes):
    assert code_of(lambda: change(finished(), **changes)) == "REPLAY_RUN_FROZEN"


def test_a_run_that_ended_is_compared_with_other_balances_later():
    run = finished()

    change(run, comparison={"compared": 1, "differences": []}, differences=0)

    assert run.differences == 0


def test_a_run_does_not_begin_in_the_middle_nor_go_back():
    assert code_of(lambda: make.replay_run(state="running")) == "REPLAY_RUN_FROZEN"
    assert code_of(lambda: change(started(), state="waiting")) == "REPLAY_RUN_FROZEN"
    assert code_of(lambda: change(make.replay_run(), state="running")) == "REPLAY_RUN_FROZEN"


def test_the_rules_of_a_run_are_decisions_about_its_source_that_somebody_signed():
    decided = make.variance("e")
    other = make.replay_run(source="another")
    run = make.replay_run(source=decided.source)
    now = {"state": "running", "started_at": timezone.now()}

    def code(of=run, **said):
        names = ("id", "event_id", "action", "content")
        rule = {name: getattr(decided, name) for name in names} | said
        return code_of(lambda: change(of, rules=[rule], **now))

    assert code() == "REPLAY_RUN_FROZEN"
    change(decided, signed_by=make.approver(), signed_at=timezone.now())
    assert code(content={"set": {"volume": 9}}) == "REPLAY_RUN_FROZEN"
    assert code(event_id="f") == "REPLAY_RUN_FROZEN"
    assert code(of=other) == "REPLAY_RUN_FROZEN"
    assert code() == ""


def test_a_source_has_one_final_run_with_its_freeze():
    with pytest.raises(IntegrityError, match="registry_replayrun_freeze_ck"):
        make.replay_run(purpose="final")
    make.replay_run(purpose="final", freeze_at=timezone.now())
    with pytest.raises(IntegrityError, match="registry_replayrun_one_final_uq"):
        make.replay_run(purpose="final", freeze_at=timezone.now())


def test_of_a_rejection_only_its_assignee_changes(pages):
    run = started()
    rejection = ReplayRejection.objects.create(
        run=run, line=1, event_id="e", kind="mint", code="X", root_event="e", root_code="X"
    )
    operator = make.operator()

    change(rejection, assignee=operator)

    assert rejection.assignee == operator
    with refused("42501"):
        pages.execute("UPDATE registry_replayrejection SET code = 'Y'")
    change(run, state="stopped")
    with pytest.raises(Refused, match="REPLAY_RUN_FROZEN"), translated():
        ReplayRejection.objects.create(
            run=run, line=2, event_id="f", kind="mint", code="X", root_event="f", root_code="X"
        )


@pytest.mark.parametrize(
    ("author", "signer", "code"),
    [
        ("operator", "approver", ""),
        ("approver", None, "ACTOR_NOT_AUTHORISED"),
        ("participant", None, "ACTOR_NOT_AUTHORISED"),
        ("operator", "operator", "ACTOR_NOT_AUTHORISED"),
        ("operator", "inactive", "ACTOR_NOT_AUTHORISED"),
        ("operator", "twin", "SELF_APPROVAL"),
    ],
)
def test_an_operator_decides_and_another_person_who_approves_signs(author, signer, code):
    operator = make.operator()
    people = {
        "operator": lambda: operator,
        "approver": make.approver,
        "participant": lambda: make.person(make.organisation()),
        "inactive": lambda: make.approver(is_active=False),
        "twin": lambda: make.approver(person_id=operator.person_id),
    }

    def decide():
        variance = make.variance(author=people[author]())
        if signer:
            change(variance, signed_by=people[signer](), signed_at=timezone.now())

    assert code_of(decide) == code


@pytest.mark.parametrize("changes", [{"withdrawn_at": timezone.now()}, {"signed_at": None}])
def test_what_is_signed_is_frozen(changes):
    variance = make.variance()
    change(variance, signed_by=make.approver(), signed_at=timezone.now())

    assert code_of(lambda: change(variance, **changes)) == "REPLAY_VARIANCE_FROZEN"


@pytest.mark.parametrize(("by", "code"), [("approver", ""), ("submitter", "ACTOR_NOT_AUTHORISED")])
def test_staff_of_the_registry_take_back_what_nobody_signed_and_say_why(by, code):
    variance = make.variance()
    person = make.approver() if by == "approver" else make.person(make.organisation())
    withdrawn = {"withdrawn_at": timezone.now(), "withdrawn_by": person}

    assert code_of(lambda: change(variance, **withdrawn, withdrawn_reason="Wrong file")) == code
    other = make.variance("issue:2")
    with pytest.raises(IntegrityError, match="registry_replayvariance_withdrawn_ck"):
        change(other, withdrawn_at=timezone.now(), withdrawn_by=make.approver())


def test_the_reason_and_the_content_are_written_once(pages):
    make.variance()
    for column in ("reason", "content", "action", "author_id"):
        with refused("42501"):
            pages.execute(f"UPDATE registry_replayvariance SET {column} = {column}")


def test_one_decision_about_an_event_is_open_and_it_replaces_only_what_is_signed():
    first = make.variance()
    with pytest.raises(IntegrityError, match="registry_replayvariance_first_uq"):
        make.variance()
    with pytest.raises(Refused, match="REPLAY_VARIANCE_FROZEN"):
        make.variance(replaces=first)
    change(first, signed_by=make.approver(), signed_at=timezone.now())

    second = make.variance(replaces=first)

    with pytest.raises(IntegrityError, match="registry_replayvariance_replaces_uq"):
        make.variance(replaces=first)
    with pytest.raises(Refused, match="REPLAY_VARIANCE_FROZEN"):
        make.variance("issue:2", replaces=first)
    withdrawn = {"withdrawn_by": make.approver(), "withdrawn_reason": "The file says otherwise."}
    change(second, withdrawn_at=timezone.now(), **withdrawn)
    assert make.variance(replaces=first).replaces == first


# A foreign key alone would stop the other.
CASCADE = {"DELETE FROM": "", "TRUNCATE": "CASCADE"}


@pytest.mark.parametrize("model", [ReplayRun, ReplayRejection, ReplayVariance])
def test_nothing_of_it_is_ever_deleted(pages, committed_db, model):
    with refused("42501"):
        pages.execute(f"DELETE FROM {model._meta.db_table}")
    for command in ("DELETE FROM", "TRUNCATE"):
        with refused("APPEND_ONLY_VIOLATION"):
            committed_db.connect().execute(f"{command} {model._meta.db_table} {CASCADE[command]}")
