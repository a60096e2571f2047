"""Many requests from one file."""

import csv
import io

import pytest

from ledgerdb import reads
from portal.forms.rows import COLUMNS
from portal.forms.sheet import MOST_ROWS
from registry import services
from registry.models import Request, Upload
from tests import make
from tests.portal.cast import same_key, signed_in, somebody
from tests.portal.lists import NEW, a_list, form, found, requests_of, submit, upload

RETIREMENTS = (
    "from_account,commodity,quantity,beneficiary,beneficiary_country,purpose,"
    "consumed_from,consumed_to,publish"
)
WRONG = (
    "ALD-01,COB-01,SOL,400,,",
    "COB-01,COB-01,SOL,5,,",
    "ALD-01,COB-RET,SOL,\uff15,,=1+1",
    "ALD-01,ALD-01,XXX,1.5,,",
    "ALD-02,COB-01,FIX,5,,",
    "ALD-01,COB-01,SOL,,,",
    "ALD-01,COB-01,SOL,5,1-3,",
    "ALD-01,COB-01,SOL,5,9-7,",
    ",,,,,",
    "ALD-01,,SOL,5",
    "ALD-01,COB-01,SOL,601,,",
)


def test_each_row_becomes_a_draft(cast):
    content = a_list(
        "ALD-01,COB-01,SOL,400,,For March",
        "ALD-01,DUN-01,SOL,,101-150; 200,",
        "ALD-01,COB-01,SOL,7,,",
    )

    kept = upload(cast.marsh, content)

    assert [
        (item.status, item.kind, item.source, item.target.code, item.volume, item.ranges, item.note)
        for item in requests_of(kept)
    ] == [
        ("draft", "transfer", cast.source, "COB-01", 400, None, "For March"),
        ("draft", "transfer", cast.source, "DUN-01", 51, ((101, 150), (200, 200)), ""),
        ("draft", "transfer", cast.source, "COB-01", 7, None, ""),
    ]
    assert (kept.name, kept.size, kept.submitter) == ("list.csv", len(content), cast.marsh)


def test_a_list_of_retirements_becomes_drafts(cast):
    make.account(organisation=cast.alder, type="retirement", code="ALD-RET")

    kept = upload(
        cast.marsh,
        a_list("ALD-01,SOL,10,Town of Exampleton,de,Supply,2026-01,2026-03,Yes", head=RETIREMENTS),
        kind="retire",
    )

    (item,) = requests_of(kept)
    assert (item.kind, item.target.code, item.beneficiary) == (
        *("retire", "ALD-RET", "Town of Exampleton"),
    )
    assert (item.beneficiary_country, item.reason, item.claim_published) == ("DE", "Supply", True)
    assert (str(item.consumption_start), str(item.consumption_end)) == ("2026-01-01", "2026-03-31")


def test_everything_that_is_wrong_is_named_at_once_and_nothing_is_kept(cast):
    make.account(organisation=cast.cobalt, type="retirement", code="COB-RET")
    make.account(organisation=cast.alder, code="ALD-02", status="suspended")
    fixed = make.commodity(code="FIX", transferable=False)
    make.mint(cast.source, 10, commodity=fixed)
    answer = signed_in(cast.marsh).post(NEW, form(a_list(*WRONG)))

    assert answer.status_code == 422
    assert found(answer) == [
        (3, "from_account", "ACCOUNT_NOT_FOUND"),
        (4, "note", "VALUE_FORMULA"),
        (4, "quantity", "VALUE_INVALID"),
        (4, "to_account", "ACCOUNT_NOT_FOUND"),
        (5, "commodity", "VALUE_INVALID"),
        (5, "quantity", "VALUE_INVALID"),
        (5, "to_account", "SAME_ACCOUNT"),
        (6, "from_account", "ACCOUNT_NOT_ACTIVE"),
        (6, "commodity", "COMMODITY_RULE"),
        (7, "quantity", "VALUE_MISSING"),
        (8, "quantity", "RANGE_INVALID"),
        (9, "numbers", "VALUE_INVALID"),
        (10, "", "ROW_EMPTY"),
        (11, "", "ROW_CELLS"),
        (12, "quantity", "INSUFFICIENT_TOTAL_BALANCE"),
    ]
    page = answer.content.decode()
    assert "15 problems in the file. Nothing was kept." in page
    assert "601" in page
    assert not Upload.objects.exists()
    assert not Request.objects.filter(status="draft").exists()


def test_numbers_are_named_once_and_held(cast):
    cast.executed(400)
    content = a_list(
        "ALD-01,COB-01,SOL,,401-450,", "ALD-01,DUN-01,SOL,,450-460,", "ALD-01,COB-01,SOL,,1-2,"
    )

    answer = signed_in(cast.marsh).post(NEW, form(content))

    assert found(answer) == [(3, "numbers", "NUMBERS_TWICE"), (4, "numbers", "BLOCK_NOT_HELD")]


def test_what_others_asked_for_is_not_available_to_a_list(cast):
    cast.submitted(600)

    answer = signed_in(cast.marsh).post(
        NEW, form(a_list("ALD-01,COB-01,SOL,300,,", "ALD-01,COB-01,SOL,101,,"))
    )

    assert found(answer) == [(3, "quantity", "INSUFFICIENT_TOTAL_BALANCE")]
    assert "ALD-01 would give 401 SOL; 400 are available" in answer.content.decode()


def test_a_retirement_needs_its_beneficiary_and_a_period_in_order(cast):
    content = a_list(
        "ALD-01,SOL,10,,D1,Supply,2026-03,2026-01,",
        "ALD-01,SOL,10,Town,,,2026-03,2026-01,no",
        "ALD-01,SOL,10,Town,,Supply,2026-03,2026-01,perhaps",
        head=RETIREMENTS,
    )

    answer = signed_in(cast.marsh).post(NEW, form(content, kind="retire"))

    assert found(answer) == [
        (2, "beneficiary", "VALUE_MISSING"),
        (2, "beneficiary_country", "VALUE_INVALID"),
        (2, "from_account", "ACCOUNT_NOT_FOUND"),
        (3, "purpose", "VALUE_MISSING"),
        (3, "from_account", "ACCOUNT_NOT_FOUND"),
        (4, "consumed_to", "RANGE_INVALID"),
        (4, "publish", "VALUE_INVALID"),
        (4, "from_account", "ACCOUNT_NOT_FOUND"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"\x00" * 50,
        a_list("A\x00LD-01,CO\x00B-01,S\x00OL,1\x000,,\x00"),
        a_list(f"{'x' * 5000},{'y' * 5000},{'z' * 5000},{'9' * 5000},{'1' * 5000},"),
        a_list("ALD-01,COB-01,SOL,9223372036854775808,,"),
        b"\xff" * 100,
        b'"' * 101,
        a_list(head="\u202e" * 300),
    ],
    ids=["NUL", "NULs", "long", "huge", "bytes", "quotes", "marks"],
)
def test_rubbish_is_named_and_breaks_nothing(cast, content):
    answer = signed_in(cast.marsh).post(NEW, form(content))

    assert answer.status_code == 422
    assert found(answer)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"file": ""}, "Choose a file."),
        ({"kind": "mint"}, "not one of the available choices"),
        ({"kind": ""}, "Choose what is in the list."),
        ({"key": "x"}, "Enter a valid UUID."),
    ],
)
def test_a_form_that_is_not_filled_in_is_named(cast, wrong, sentence):
    answer = signed_in(cast.marsh).post(NEW, form(a_list("ALD-01,COB-01,SOL,5,,")) | wrong)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Upload.objects.exists()


def test_the_same_form_sent_twice_is_one_upload_even_when_nothing_is_left(cast):
    client, key, content = signed_in(cast.marsh), same_key(), a_list("ALD-01,COB-01,SOL,1000,,")

    first = client.post(NEW, form(content, key=key))
    client.post(f"{first.headers['Location']}/submit")
    second = client.post(NEW, form(content, key=key))

    assert first.headers["Location"] == second.headers["Location"]
    assert (Upload.objects.count(), Request.objects.filter(kind="transfer").count()) == (1, 1)


def test_a_form_that_was_sent_is_not_used_for_another_file(cast):
    client, key = signed_in(cast.marsh), same_key()
    client.post(NEW, form(a_list("ALD-01,COB-01,SOL,5,,"), key=key))

    answer = client.post(NEW, form(a_list("ALD-01,COB-01,SOL,6,,"), key=key))

    assert answer.status_code == 409
    assert "IDEMPOTENCY_KEY_REUSED" in answer.content.decode()
    assert Upload.objects.count() == 1


def test_two_uploads_at_the_same_moment_are_one(cast):
    asked = {
        "submitter": cast.marsh,
        "kind": "transfer",
        "idempotency_key": same_key(),
        "name": "list.csv",
        "size": 9,
        "sha256": "0" * 64,
        "rows": [
            (
                2,
                {
                    "source": cast.source,
                    "target": cast.target,
                    "commodity": cast.commodity,
                    "volume": 5,
                },
            )
        ],
    }

    first, second = services.keep_upload(**asked), services.keep_upload(**asked)

    assert first == second
    assert Request.objects.filter(kind="transfer").count() == 1


def test_the_same_file_is_taken_again_only_when_that_is_meant(cast):
    client, content = signed_in(cast.marsh), a_list("ALD-01,COB-01,SOL,5,,")
    first = upload(cast.marsh, content)

    warned = client.post(NEW, form(content))
    meant = client.post(NEW, form(content, again="on"))

    assert warned.status_code == 422
    assert f"upload {first.number}</a>" in warned.content.decode()
    assert "FILE_SENT_BEFORE" in warned.content.decode()
    assert meant.status_code == 302
    assert Upload.objects.count() == 2


def test_a_file_whose_drafts_were_discarded_may_come_again(cast):
    client, content = signed_in(cast.marsh), a_list("ALD-01,COB-01,SOL,5,,")
    first = upload(cast.marsh, content)
    client.post(f"/requests/uploads/{first.number}/discard")

    assert client.post(NEW, form(content)).status_code == 302


def test_the_approvers_are_told_of_a_list_as_one_piece_of_news(cast):
    client = signed_in(cast.marsh)
    rows = ("ALD-01,COB-01,SOL,1,,", "ALD-01,COB-01,SOL,2,,")
    kept = client.post(NEW, form(a_list(*rows)))
    assert kept.status_code == 302
    submit(client, Upload.objects.get())

    page = signed_in(cast.approver).get("/notifications").content.decode()

    first = Request.objects.filter(status="submitted").earliest("number").number
    assert page.count("Action required") == 1
    assert "2 requests wait for a decision" in page
    assert f"sent a list. The first is request {first}: Transfer 1 SOL" in page


def test_the_template_reads_back_without_its_columns_being_wrong(cast):
    for kind, columns in COLUMNS.items():
        answer = signed_in(cast.marsh).get(f"{NEW}/{kind}.csv")
        names, example = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))

        assert "attachment" in answer.headers["Content-Disposition"]
        assert names == [column.name for column in columns]
        assert len(example) == len(names)


def test_as_many_rows_as_are_allowed_are_kept_with_few_questions(
    cast, django_assert_max_num_queries
):
    make.mint(cast.source, MOST_ROWS, facility=make.facility(cast.alder), commodity=cast.commodity)
    content = a_list(*["ALD-01,COB-01,SOL,1,,"] * MOST_ROWS)
    client = signed_in(cast.marsh)

    with django_assert_max_num_queries(60):
        kept = client.post(NEW, form(content))
    shown = {"version": client.get(kept.headers["Location"]).context["version"]}
    with django_assert_max_num_queries(30):
        client.post(f"{kept.headers['Location']}/submit", shown)

    assert Request.objects.filter(status="submitted").count() == MOST_ROWS


def test_who_submits_a_colleagues_list_asks_for_it(cast):
    kept = upload(somebody(cast, "operator"), a_list("ALD-01,COB-01,SOL,5,,"))
    twin = make.person(make.registry(), "operator", person_id=cast.approver.person_id)

    submit(signed_in(twin), kept)

    assert [(item.status, item.submitter) for item in requests_of(kept)] == [("submitted", twin)]


def test_a_row_that_was_changed_since_the_list_was_shown_is_not_asked_for(cast):
    kept = upload(somebody(cast, "operator"), a_list("ALD-01,COB-01,SOL,5,,"))
    client, page = signed_in(somebody(cast, "operator")), f"/requests/uploads/{kept.number}"
    shown = {"version": client.get(page).context["version"]}
    twin = make.person(make.registry(), "operator", person_id=cast.approver.person_id)
    services.update_draft(request_id=requests_of(kept)[0].id, submitter=twin, volume=500)

    answer = client.post(f"{page}/submit", shown)
    assert client.post(f"{page}/submit").status_code == 409
    again = {"version": answer.context["version"]}
    statuses = [client.post(f"{page}/submit", again).status_code for _ in range(2)]

    assert (answer.status_code, statuses) == (409, [302, 302])
    assert [(item.status, item.volume) for item in requests_of(kept)] == [("submitted", 500)]


def test_an_operator_uploads_for_anybody(cast):
    make.mint(cast.target, 50, commodity=cast.commodity)

    kept = upload(
        somebody(cast, "operator"), a_list("ALD-01,COB-01,SOL,5,,", "COB-01,ALD-01,SOL,5,,")
    )

    assert [item.source.code for item in requests_of(kept)] == ["ALD-01", "COB-01"]


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("approver", 403), ("auditor", 403), ("team_admin", 302)]
)
def test_who_may_upload(cast, role, status):
    client = signed_in(somebody(cast, role))

    assert client.post(NEW, form(a_list("ALD-01,COB-01,SOL,5,,"))).status_code == status
    assert Upload.objects.exists() == (status == 302)


def test_a_stranger_behind_a_code_is_told_apart_from_nobody_by_nothing(cast):
    make.account(organisation=cast.cobalt, code="COB-99", status="closed", name="Canary account")

    answer = signed_in(cast.marsh).post(
        NEW, form(a_list("COB-01,COB-99,SOL,5,,", "NONE-1,NONE-2,SOL,5,,"))
    )

    sentences = [each.sentence for each in answer.context["form"].problems]
    assert [text.replace("COB-01", "X").replace("COB-99", "Y") for text in sentences[:2]] == [
        text.replace("NONE-1", "X").replace("NONE-2", "Y") for text in sentences[2:]
    ]
    assert "Canary" not in answer.content.decode()


def test_every_name_of_what_is_wrong_with_a_file_is_explained(committed_db):
    known = {row["code"] for row in reads.error_codes() if row["domain"] == "file"}

    # Of a history, and no list: docs/replay.md explains it.
    known -= {"REPLAY_OUT_OF_ORDER"}
    assert known == {
        "FILE_TOO_LARGE", "FILE_EMPTY", "FILE_ENCODING", "FILE_FORMAT", "FILE_TYPE",
        "FILE_SENT_BEFORE", "ROWS_TOO_MANY", "COLUMN_UNKNOWN", "COLUMN_MISSING", "COLUMN_TWICE",
        "ROW_EMPTY", "ROW_CELLS", "VALUE_MISSING", "VALUE_INVALID", "VALUE_TOO_LONG",
        "VALUE_FORMULA", "VALUE_CONTROL", "NUMBERS_TWICE",
    }  # fmt: skip
