"""Downloads: every row, nothing that a spreadsheet would run, and going on where one broke off."""

import csv
import io

import pytest

from audit import tables
from tests import make
from tests.audit import played
from tests.portal.cast import signed_in


def download(client, path, **query):
    answer = client.get(path, query)
    assert answer.status_code == 200, path
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_a_download_that_broke_off_goes_on_where_it_stopped(committed_db):
    history = played.play(21, steps=15)
    one = history.accounts[0]
    make.mint(one, 5, commodity=make.commodity(code="ZZZ"))
    auditor = signed_in(make.person(make.organisation("regulator"), "auditor"))
    at = auditor.get("/holdings").context["permanent"].rpartition("=")[2]
    code = history.commodity.code
    batch = auditor.get("/conservation?by=batch").context["rows"][0]["id"]
    asked = [
        ("/transactions.csv", {}, lambda row: row["number"]),
        ("/transactions.csv", {"commodity": code}, lambda row: row["number"]),
        ("/holdings.csv", {"at": at}, lambda row: row["place"]),
        (f"/accounts/{one.code}/holdings.csv", {"at": at}, lambda row: row["place"]),
        (f"/batches/{batch}/trace.csv", {"at": f"{code}-{len(history.steps)}"}, first),
        ("/conservation.csv", {"by": "batch", "at": at}, lambda row: place(row)),
        ("/conservation.csv", {"by": "facility", "at": at}, lambda row: row["code"]),
    ]
    whole = [download(auditor, path, **query) for path, query, _ in asked]

    # What happens in between changes nothing of what is still to come.
    make.transfer(one, history.accounts[1], 1, commodity=history.commodity)

    for (path, query, cursor), rows in zip(asked, whole, strict=True):
        assert len(rows) > 2, path
        for n in range(0, len(rows), 3):
            rest = download(auditor, path, **query, after=cursor(rows[n]))
            assert rest == rows[n + 1 :], (path, n)


def first(row):
    return row["first"]


def place(row):
    return f"{row['commodity']}-{row['first']}"


@pytest.mark.parametrize("after", ["x", "-", "SOL-\uff11", "9" * 40, "SOL-" + "9" * 40, "\x00"])
def test_nonsense_as_a_place_breaks_no_download(cast, auditor, after):
    for path in (
        "/transactions.csv", "/holdings.csv", "/accounts/ALD-01/holdings.csv",
        "/batches/1/trace.csv", "/conservation.csv?by=batch", "/conservation.csv?by=facility",
    ):  # fmt: skip
        answer = auditor.get(path, {"after": after, "by": "batch"})
        assert answer.status_code == 200
        b"".join(answer.streaming_content)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_no_text_is_run_by_a_spreadsheet(sign):
    assert tables.cell(f"{sign}1+1") == f"'{sign}1+1"


def test_numbers_stay_plain_and_a_name_that_is_a_formula_is_kept_as_text(cast, auditor):
    evil = make.account(organisation=make.organisation(code="EVL", name='=HYPERLINK("x","y")'))
    make.transfer(cast.source, evil, 5, commodity=cast.commodity)

    rows = download(auditor, "/transactions.csv")
    held = download(auditor, "/holdings.csv", organisation="EVL")

    assert rows[0]["taker"] == """'=HYPERLINK("x","y")"""
    assert (held[0]["holder"], held[0]["volume"]) == ("""'=HYPERLINK("x","y")""", "5")
