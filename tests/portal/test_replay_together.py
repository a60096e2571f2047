"""What is decided together: many rejections with one answer, signed by one other person at once."""

import json

import pytest

from ledgerdb import clones
from registry import services
from registry.models import ReplayVariance
from registry.replay.console import Desk, recorded
from registry.selectors import rejections
from tests import histories, make
from tests.histories import Events, part, write
from tests.portal import replays
from tests.portal.cast import signed_in
from tests.server import TEMPLATE

SKIP = {"choice": "skip", "reason": "The buffer is kept by the old registry.", "also": "on"}
OF = {"code": replays.OVERLAP, "kind": "mint"}


@pytest.fixture(autouse=True)
def _database(committed_db):
    """Every test here works on a database of its own."""


@pytest.fixture
def run():
    """A rehearsal that is over, with four rejections of two causes."""
    return replays.rehearsed()


@pytest.fixture
def operator():
    """The browser of who decides."""
    return signed_in(make.operator())


@pytest.fixture
def approver():
    """The browser of who signs."""
    return signed_in(make.approver())


def numbers(run, *events):
    """Return the numbers of rejections."""
    return [run.rejections.get(event_id=event).pk for event in events]


def together(run):
    """Return the address of the page."""
    return f"/replay/{run.pk}/together"


def text(answer):
    return answer.content.decode()


def waiting():
    """Return the events that wait for a signature."""
    found = ReplayVariance.objects.filter(signed_at=None, withdrawn_at=None)
    return set(found.values_list("event_id", flat=True))


def test_causes_of_one_kind_are_decided_with_what_followed_in_one_form(run, operator):
    shown = operator.get(f"/replay/{run.pk}")
    asked = operator.get(together(run), {"code": replays.OVERLAP})

    assert f"{together(run)}?code={replays.OVERLAP}" in shown.content.decode()
    rows = [(row["item"].event_id, row["followers"]) for row in asked.context["rows"]]
    assert rows == [("issue:7", 2), ("issue:9", 0)]
    assert asked.context["ticked"] == numbers(run, "issue:7", "issue:9")
    sent = {**OF, **SKIP, "number": asked.context["ticked"]}
    first = operator.post(together(run), sent)
    again = operator.post(together(run), sent)
    assert first.headers["Location"] == again.headers["Location"]
    assert (
        "and 3 others that say the same" in operator.get(first.headers["Location"]).content.decode()
    )
    assert ReplayVariance.objects.count() == 4
    assert not rejections.to_decide(run)


def test_what_is_not_ticked_stays_and_the_text_of_an_event_narrows(run, operator):
    asked = operator.get(together(run), {**OF, "holds": "s9"})
    assert [row["item"].event_id for row in asked.context["rows"]] == ["issue:9"]

    sent = operator.post(together(run), {**OF, **SKIP, "number": numbers(run, "issue:9")})

    assert sent.headers["Location"].startswith(f"{together(run)}?code=")
    assert waiting() == {"issue:9"}


def test_one_change_is_made_to_each_and_named_where_it_cannot_be(run, operator):
    change = {"choice": "amend", "field_1": "volume", "value_1": "40", "reason": "A typo."}
    both = numbers(run, "issue:7", "issue:9")

    refused = operator.post(together(run), {**OF, **change, "number": both})
    sent = operator.post(together(run), {**OF, **change, "number": both[:1]})

    assert refused.status_code == 422
    assert "issue:9: That is what the event says already." in refused.content.decode()
    assert refused.context["ticked"] == both
    assert sent.status_code == 302
    assert ReplayVariance.objects.get().content == {"set": {"volume": 40}, "remove": []}


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"number": []}, "Tick at least one."),
        ({"number": ["x", "99999999999999999999", "٣"]}, "One of them is no longer here."),
        ({"reason": ""}, "Say why"),
        ({"choice": "split"}, "Choose one of the three."),
        ({"choice": "fix_at_source"}, "Write what the source is expected to say."),
    ],
)
def test_a_bad_answer_about_several_is_named_and_nothing_is_written(run, operator, answers, says):
    sent = {**OF, **SKIP, "number": numbers(run, "issue:7"), **answers}

    answer = operator.post(together(run), sent)

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not ReplayVariance.objects.exists()


def test_what_was_answered_stays_when_nothing_is_ticked(run, operator):
    answer = operator.post(together(run), {**OF, **SKIP})

    assert answer.status_code == 422
    assert answer.context["ticked"] == []
    assert answer.context["form"]["choice"].value() == "skip"
    assert SKIP["reason"] in answer.content.decode()


def test_somebody_elses_decision_about_one_stops_all(run, operator):
    replays.decided(
        run.rejections.get(event_id="issue:9"), make.person(make.registry(), "operator")
    )

    sent = {**OF, **SKIP, "number": numbers(run, "issue:7", "issue:9")}
    answer = operator.post(together(run), sent)

    assert answer.status_code == 409
    assert waiting() == {"issue:9"}


@pytest.mark.parametrize(
    "outcome",
    [{}, {"outcome": "fix_at_source", "action": "", "content": {"expected": "volume 40"}}],
    ids=["skip", "fix at source"],
)
def test_what_was_settled_meanwhile_is_not_decided_again_by_an_old_form(run, operator, outcome):
    both = numbers(run, "issue:7", "issue:9")
    other = replays.decided(run.rejections.get(event_id="issue:9"), make.operator(), **outcome)
    services.sign_variance(variance_id=other.pk, signer=make.approver())

    answer = operator.post(together(run), {**OF, **SKIP, "number": both})

    assert answer.status_code == 422
    assert "One of them is no longer here." in answer.content.decode()
    assert ReplayVariance.objects.get() == other


def test_what_says_the_same_is_signed_together_each_by_a_second_person(run, operator, approver):
    operator.post(together(run), {**OF, **SKIP, "number": numbers(run, "issue:7", "issue:9")})
    listed = approver.get("/replay/variances")
    page = f"/replay/variances/{listed.context['groups'][0]['first']}/together"
    shown = approver.get(page)

    assert listed.context["groups"][0]["count"] == 4
    assert operator.get(page).status_code == 403
    sent = {"number": shown.context["ticked"][1:]}
    signed = ReplayVariance.objects.exclude(signed_at=None).order_by("id")
    for _ in range(2):
        answer = approver.post(page, sent, follow=True)
        assert f">{signed[0].event_id}</a> and 2 others that say the same" in text(answer)
    said = approver.get(f"/replay/variances?saved={signed[0].pk}&others=999")
    assert "and 2 others that say the same" in text(said)
    assert waiting() == {"issue:7"}
    assert set(signed.values_list("signed_by", flat=True)) == {make.approver().pk}


def test_what_is_sent_back_together_says_why(run, operator, approver):
    operator.post(together(run), {**OF, **SKIP, "number": numbers(run, "issue:7", "issue:9")})
    page = f"/replay/variances/{ReplayVariance.objects.earliest('id').pk}/together"
    sent = {"number": approver.get(page).context["ticked"], "act": "send-back"}

    assert approver.post(page, sent).status_code == 422
    assert approver.post(page, {**sent, "reason": "Which buffer?"}).status_code == 302

    assert not waiting()
    assert rejections.to_decide(run) == 2
    assert set(ReplayVariance.objects.values_list("withdrawn_reason", flat=True)) == {
        "Which buffer?"
    }


def test_nobody_signs_together_what_they_decided_themselves(run, approver):
    items = [run.rejections.get(event_id=event) for event in ("issue:7", "issue:9")]
    author = make.operator()
    decided = services.decide_events(
        rejections=items, author=author, outcome="variance", action="skip", reason="Twice."
    )
    page = f"/replay/variances/{decided[0].pk}/together"
    other = make.person(author.organisation, "approver", person_id=author.person_id)

    assert not signed_in(other).get(page).context["rows"]
    assert signed_in(other).post(page, {"number": [decided[0].pk]}).status_code == 422
    assert len(waiting()) == 2


def history():
    """Return a history that the ledger refuses in four ways, two of them more than once."""
    events = Events()
    lines = [events.mint(100, month=month, source_serial=f"S{month}") for month in (1, 2, 3)]
    buffers = [events.mint(9, month=month, source_serial=f"B{month}") for month in (1, 2)]
    shifted = events.mint(50, month=3, source_serial="C4")
    lines += [*buffers, shifted]
    lines.append(events.retire(ranges=[part("B1", 1, 4)]))
    lines.append(events.retire(ranges=[part("C4", 1, 50)]))
    halved = events.retire(ranges=[part("S1", 1, 60), part("S2", 50, 110)])
    late = events.transfer(1, 2, ranges=[part("never", 1, 5)])
    return [*histories.references(), *lines, halved, late], shifted, halved, late


@pytest.fixture
def rehearse(committed_db, tmp_path):
    """Rehearse a history in a database of its own, as often as asked for."""
    made = []

    def rehearse_(lines):
        path = write(tmp_path / "history.jsonl", lines)
        admin = committed_db.server.admin_dsn
        desk = Desk(admin, committed_db.name, lambda things, what, total: things, TEMPLATE)
        made.append(desk.work(recorded(path, source="old", adapter="jsonl")))
        return made[-1]

    yield rehearse_
    for run in made:
        clones.drop(committed_db.server.admin_dsn, run.database)


def test_every_root_cause_closed_through_the_pages_leaves_no_rejection(
    rehearse, operator, approver
):
    lines, shifted, halved, late = history()
    run = rehearse(lines)
    assert (run.rejected, run.rejections.values("root_event").distinct().count()) == (7, 5)
    for event, answers in answered(shifted, halved, late):
        item = run.rejections.get(event_id=event["event_id"])
        answer = operator.post(f"/replay/{run.pk}/{item.pk}/decide", answers)
        assert answer.status_code == 302, answer.content.decode()
    # Only the two buffers are left: both with one answer, and what followed from the first.
    asked = operator.get(together(run), {"code": "PRODUCTION_PERIOD_OVERLAP"})
    sent = {**OF, **SKIP, "number": asked.context["ticked"]}
    assert operator.post(together(run), sent).headers["Location"].startswith(f"/replay/{run.pk}?")

    group = approver.get("/replay/variances").context["groups"][0]
    page = f"/replay/variances/{group['first']}/together"
    approver.post(page, {"number": approver.get(page).context["ticked"]})
    for decision in ReplayVariance.objects.filter(signed_at=None):
        approver.post(f"/replay/variances/{decision.pk}/sign", {})
    assert not waiting()
    clean = rehearse(lines)

    assert (clean.rejected, clean.reconciled) == (0, True)
    assert (clean.skipped, clean.amended, clean.inserted) == (3, 3, 1)
    report = approver.get(f"/replay/{clean.pk}/report").content.decode()
    for decision in ReplayVariance.objects.all():
        assert decision.event_id in report
        assert decision.reason in report


def answered(shifted, halved, late):
    """Answer what is not like anything else: one is changed, one split, one gets its issuance."""
    issued = Events()
    issued.count = 90
    before = issued.mint(5, month=9, source_serial="never", occurred_at=late["occurred_at"])
    parts = [
        {**halved, "event_id": f"{halved['event_id']}/{n}", "ranges": [numbers]}
        for n, numbers in enumerate((part("S1", 1, 60), part("S2", 50, 100)), start=1)
    ]
    april = {"production_start": "2019-04-01", "production_end": "2019-04-28"}
    amended = {"choice": "amend", **fields(april), "reason": "The reading is of April."}
    lines = "\n".join(json.dumps(each) for each in parts)
    split = {"choice": "split", "instead": lines, "reason": "Two letters, one line."}
    inserted = {"choice": "insert", "before": json.dumps(before), "reason": "Forgotten."}
    return zip((shifted, halved, late), (amended, split, inserted), strict=True)


def fields(values):
    """Return the fields of the form that change some fields."""
    return {
        key: text
        for number, (name, value) in enumerate(values.items(), start=1)
        for key, text in ((f"field_{number}", name), (f"value_{number}", value))
    }
