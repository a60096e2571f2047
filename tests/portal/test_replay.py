"""The pages of a migration: what was rejected, what becomes of it, who signs, and the cutover."""

import hashlib
import json
from uuid import uuid4

import pytest
from django.test import Client

from registry import services
from registry.models import ReplayRejection, ReplayRun, ReplayVariance
from registry.selectors import rejections
from tests import make
from tests.portal import replays
from tests.portal.cast import signed_in

SKIP = {"choice": "skip", "reason": "Entered twice; the source confirms it."}


@pytest.fixture(autouse=True)
def _database(committed_db):
    """Every test here works on a database of its own."""


@pytest.fixture
def run() -> ReplayRun:
    """A rehearsal that is over, with four rejections of two causes."""
    return replays.rehearsed()


@pytest.fixture
def operator() -> Client:
    """The browser of who decides."""
    return signed_in(make.operator())


@pytest.fixture
def approver() -> Client:
    """The browser of who signs."""
    return signed_in(make.approver())


@pytest.fixture
def auditor() -> Client:
    """The browser of who only reads."""
    return signed_in(make.person(make.organisation("regulator"), "auditor"))


def of(run, event_id):
    """Return what a run rejected about an event."""
    return run.rejections.get(event_id=event_id)


def page(item, act=""):
    """Return the address of a rejection."""
    return f"/replay/{item.run_id}/{item.pk}{act}"


def standings(run):
    """Return how each rejection stands."""
    return {each.event_id: each.standing for each in rejections.judged(run)}


def text(answer):
    """Return the text of a page."""
    return answer.content.decode()


def test_a_run_groups_what_it_rejected_by_name_and_by_cause(run, auditor):
    answer = auditor.get(f"/replay/{run.pk}")

    codes = {row["code"]: (row["count"], row["causes"]) for row in answer.context["codes"]}
    assert codes == {replays.OVERLAP: (2, 2), replays.LACKING: (2, 0)}
    causes = [(row["root_event"], row["consequences"]) for row in answer.context["causes"]]
    assert causes == [("issue:7", 2), ("issue:9", 0)]


def test_causes_are_filtered_by_name_and_by_standing(run, operator):
    replays.decided(of(run, "issue:9"), make.operator())

    def causes(query):
        context = operator.get(f"/replay/{run.pk}?{query}").context
        return [row["root_event"] for row in context["causes"]]

    assert causes("standing=open") == ["issue:7"]
    assert causes("standing=waits") == ["issue:9"]
    assert causes(f"code={replays.LACKING}") == []
    assert causes("code=%00&standing=x&after=9999999999999999999999") == ["issue:7", "issue:9"]


def test_a_rejection_shows_the_event_the_call_the_error_and_the_ledger(run, auditor):
    shown = text(auditor.get(page(of(run, "issue:7"))))

    for part in ("issue:7", "production start", "asks account", "P1-T", "batch", "38", "retire:8"):
        assert part in shown, part
    assert replays.OVERLAP in shown
    assert "Save and next" not in shown
    assert text(auditor.get(page(of(run, "retire:8")))).count("followed from another") == 1


def test_saving_leads_to_the_next_one_and_leaving_out_takes_what_followed(run, operator):
    first = operator.post(page(of(run, "issue:7"), "/decide"), {**SKIP, "also": "on"})

    assert first.headers["Location"].startswith(page(of(run, "issue:9")))
    assert "Saved." in text(operator.get(first.headers["Location"]))
    assert standings(run) == {
        "issue:7": "waits",
        "retire:8": "waits",
        "retire:12": "waits",
        "issue:9": "open",
    }
    last = operator.post(page(of(run, "issue:9"), "/decide"), SKIP)
    assert last.headers["Location"].startswith(f"/replay/{run.pk}?")
    assert "Everything here is decided" in text(operator.get(last.headers["Location"]))


def test_what_followed_is_decided_for_itself_when_only_its_cause_is_left_out(run, operator):
    assert standings(run)["retire:8"] == "behind"

    operator.post(page(of(run, "issue:7"), "/decide"), SKIP)

    assert standings(run)["retire:8"] == "open"


def test_what_followed_closes_with_a_cause_that_is_sent_otherwise(run, operator):
    changed = {"field_1": "production_start", "value_1": "2019-06-01"}
    answer = operator.post(
        page(of(run, "issue:7"), "/decide"), {"choice": "amend", "reason": "A typo.", **changed}
    )

    assert answer.status_code == 302
    assert standings(run)["retire:8"] == "follows"
    found = ReplayVariance.objects.get()
    assert found.content == {"set": {"production_start": "2019-06-01"}, "remove": []}


PARTS = "\n".join(json.dumps(replays.mint_event(f"issue:7/{n}", volume=250)) for n in (1, 2))


@pytest.mark.parametrize(
    ("answers", "action", "content"),
    [
        (
            {"choice": "amend", "field_1": "volume", "value_1": "400", "field_2": "source_serial"},
            "amend",
            {"set": {"volume": 400}, "remove": ["source_serial"]},
        ),
        ({"choice": "split", "instead": PARTS}, "split", ["issue:7/1", "issue:7/2"]),
        ({"choice": "insert", "before": PARTS}, "insert", ["issue:7/1", "issue:7/2"]),
        ({"choice": "fix_at_source", "expected": "volume 400"}, "", {"expected": "volume 400"}),
    ],
    ids=["amend", "split", "insert", "fix"],
)
def test_each_outcome_is_kept_as_it_was_written(run, operator, answers, action, content):
    answer = operator.post(page(of(run, "issue:7"), "/decide"), {**answers, "reason": "Because."})

    assert answer.status_code == 302, answer.context["form"].errors
    found = ReplayVariance.objects.get()
    kept = found.content
    if isinstance(content, list):
        kept = [event["event_id"] for event in found.content["events"]]
    assert (found.action, kept, found.reason) == (action, content, "Because.")
    assert found.author == make.operator()


def test_a_bad_answer_is_named_and_nothing_is_lost(run, operator):
    answers = {"choice": "amend", "reason": "Seen on paper.", "field_1": "volume", "value_1": "x"}

    answer = operator.post(page(of(run, "issue:7"), "/decide"), answers)

    assert answer.status_code == 422
    for part in ("Seen on paper.", 'value="x"', "volume: must be a whole number", "checked"):
        assert part in text(answer), part
    assert not ReplayVariance.objects.exists()


def test_what_was_typed_for_another_choice_is_in_nobodys_way(run, operator):
    typed = {"instead": "{", "field_1": "nonsense", "expected": "x" * 9000}

    assert operator.post(page(of(run, "issue:7"), "/decide"), {**SKIP, **typed}).status_code == 302


def test_the_same_decision_sent_twice_is_one_and_another_one_is_refused(run, operator):
    path = page(of(run, "issue:7"), "/decide")

    assert operator.post(path, SKIP).status_code == operator.post(path, SKIP).status_code == 302

    other = operator.post(path, {**SKIP, "reason": "Something else."})
    assert other.status_code == 409
    assert "REPLAY_VARIANCE_FROZEN" in text(other)
    assert ReplayVariance.objects.count() == 1


def test_the_author_does_not_sign_and_a_second_person_does(run, operator, approver):
    item = replays.decided(of(run, "issue:7"), make.operator())
    path = f"/replay/variances/{item.pk}"
    twin = signed_in(make.approver(person_id=make.operator().person_id, name="Twin"))

    assert operator.post(f"{path}/sign").status_code == 403
    refused = twin.post(f"{path}/sign")
    assert (refused.status_code, "SELF_APPROVAL" in text(refused)) == (403, True)
    assert "Sign and next" not in text(twin.get(path))
    assert approver.post(f"{path}/sign").status_code == 302
    assert approver.post(f"{path}/sign").status_code == 302

    item.refresh_from_db()
    assert item.signed_by.role == "approver"
    assert standings(run)["issue:7"] == "signed"


def test_signing_leads_to_the_next_one_to_sign(run, approver):
    first, second = (
        replays.decided(of(run, event), make.operator()) for event in ("issue:7", "issue:9")
    )
    assert "Sign the next of 2" in text(approver.get("/replay"))

    answer = approver.post(f"/replay/variances/{first.pk}/sign")

    assert answer.headers["Location"].startswith(f"/replay/variances/{second.pk}?")


def test_signing_takes_the_code_of_who_has_one(run, settings):
    settings.REQUIRE_MFA = True
    item = replays.decided(of(run, "issue:7"), make.operator())
    client = signed_in(make.approver())

    assert client.post(f"/replay/variances/{item.pk}/sign").headers["Location"] == "/me/app"
    item.refresh_from_db()
    assert item.signed_at is None


def test_what_is_sent_back_says_why_and_can_be_decided_again(run, operator, approver):
    item = replays.decided(of(run, "issue:7"), make.operator())
    path = f"/replay/variances/{item.pk}/send-back"

    assert approver.post(path, {"reason": " "}).status_code == 422
    assert approver.post(path, {"reason": "Which source confirms it?"}).status_code == 302

    assert "Which source confirms it?" in text(operator.get(page(of(run, "issue:7"))))
    assert standings(run)["issue:7"] == "open"
    assert approver.post(f"/replay/variances/{item.pk}/sign").status_code == 409
    operator.post(page(of(run, "issue:7"), "/decide"), SKIP)
    assert standings(run)["issue:7"] == "waits"


def test_an_auditor_signs_nothing_and_decides_nothing(run, auditor):
    item = replays.decided(of(run, "issue:7"), make.operator())

    for path in ("sign", "send-back"):
        assert auditor.post(f"/replay/variances/{item.pk}/{path}").status_code == 403
    for act in ("decide", "take"):
        assert auditor.post(page(of(run, "issue:9"), f"/{act}"), SKIP).status_code == 403
    assert auditor.post("/replay/start", {"run": run.pk}).status_code == 403


def test_a_signed_rule_that_did_not_help_is_to_be_decided_again(run, operator):
    item = replays.decided(of(run, "issue:7"), make.operator())
    services.sign_variance(variance_id=item.pk, signer=make.approver())

    again = replays.rehearsed()

    assert standings(again)["issue:7"] == "again"
    assert "did not help" in text(operator.get(page(of(again, "issue:7"))))
    answers = {**SKIP, "choice": "fix_at_source", "expected": "nothing"}
    assert operator.post(page(of(again, "issue:7"), "/decide"), answers).status_code == 302
    assert ReplayVariance.objects.latest("id").replaces == item
    assert standings(again)["issue:7"] == "source"


def test_who_looks_into_a_cause_looks_into_what_followed(run, operator):
    item = of(run, "issue:7")

    operator.post(page(item, "/take"), {"act": "take"})

    taken = ReplayRejection.objects.exclude(assignee=None).values_list("event_id", flat=True)
    assert set(taken) == {"issue:7", "retire:8", "retire:12"}
    assert make.operator().name in text(operator.get(f"/replay/{run.pk}"))
    operator.post(page(item, "/take"), {"act": "let-go"})
    assert not ReplayRejection.objects.exclude(assignee=None).exists()


def test_another_run_is_asked_for_once_however_often_the_form_is_sent(run, operator):
    answers = {"run": run.pk, "key": uuid4()}

    first = operator.post("/replay/start", answers)
    second = operator.post("/replay/start", answers)
    third = operator.post("/replay/start", {**answers, "key": "nonsense"})

    waiting = ReplayRun.objects.get(state="waiting")
    assert {each.headers["Location"] for each in (first, second, third)} == {
        f"/replay/{waiting.pk}"
    }
    assert (waiting.sha256, waiting.asked_by) == (run.sha256, make.operator())
    assert "replay work" in text(operator.get(f"/replay/{waiting.pk}"))
    for number in ("", "x", "999999", "9" * 40):
        assert operator.post("/replay/start", {"run": number}).status_code == 404


def test_another_run_takes_the_file_as_it_is_now(operator, tmp_path):
    file = tmp_path / "history.jsonl"
    file.write_text("corrected at the source")
    run = replays.rehearsed(path=str(file))

    operator.post("/replay/start", {"run": run.pk, "key": uuid4()})

    waiting = ReplayRun.objects.get(state="waiting")
    assert waiting.size == 23
    assert waiting.sha256 == hashlib.sha256(b"corrected at the source").hexdigest()


def test_a_run_polls_while_it_moves_and_stops_when_it_has_ended(operator):
    run = replays.change(replays.begun(), events=100, done=25, seconds=5)

    moving = text(operator.get(f"/replay/{run.pk}"))
    replays.finish(run, 0)
    ended = text(operator.get(f"/replay/{run.pk}", headers={"HX-Request": "true"}))

    assert "5 a second, 15 seconds left" in moving
    assert "every 2s" in moving
    assert "every 2s" not in ended


def test_the_list_shows_the_trend_and_what_is_to_do(run, operator, auditor):
    replays.clean()

    shown = operator.get("/replay")

    assert [each.rejected for each in shown.context["trend"]] == [4, 0]
    assert "Start run" in text(shown)
    assert "Start run" not in text(auditor.get("/replay"))


def test_nothing_was_replayed_yet(auditor):
    assert "No runs yet" in text(auditor.get("/replay"))
    assert "nothing to cut over" in text(auditor.get("/replay/cutover"))
    assert "Nothing is signed yet" in text(auditor.get("/replay/variances"))


def test_what_is_not_there_is_not_found(run, auditor):
    other = replays.begun()
    item = of(run, "issue:7")
    for path in (
        "/replay/999999",
        f"/replay/{'9' * 40}",
        f"/replay/{other.pk}/{item.pk}",
        f"/replay/{run.pk}/{'9' * 40}",
        "/replay/variances/999999",
        "/replay/999999/report.csv",
    ):
        assert auditor.get(path).status_code == 404, path


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin"])
def test_the_tab_is_there_for_the_registry_and_the_auditor_alone(run, auditor, role):
    outsider = signed_in(make.person(make.organisation(), role))

    assert 'href="/replay"' not in text(outsider.get("/"))
    assert outsider.get("/replay").status_code == 403
    assert 'href="/replay"' in text(auditor.get("/"))
