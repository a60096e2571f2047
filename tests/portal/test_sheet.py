"""Reading a list: everything that can be wrong with it, by row, column and name."""

import pytest

from portal.forms import sheet
from portal.forms.rows import COLUMNS

TRANSFER = COLUMNS["transfer"]
HEAD = b"from_account,to_account,commodity,quantity\n"


def problems(content: bytes) -> list[tuple[int, str, str]]:
    read = sheet.read(content, TRANSFER)
    sheet.check_texts(read, TRANSFER)
    return [(each.row, each.column, each.code) for each in read.problems]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("sign", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_commas_or_semicolons_with_or_without_a_mark_are_read(start, sign, end):
    lines = [["from_account", "to_account", "commodity", "quantity"], ["A", "B", "SOL", "5"]]
    text = end.join(sign.join(line) for line in lines) + end

    read = sheet.read(start + text.encode(), TRANSFER)

    assert read.problems == []
    assert [(line.row, line.cells["quantity"]) for line in read.lines] == [(2, "5")]


def test_names_of_columns_may_be_written_as_people_do():
    read = sheet.read(b"From account,TO_ACCOUNT, Commodity ,quantity\nA,B,SOL,5\n", TRANSFER)

    assert read.columns == ["from_account", "to_account", "commodity", "quantity"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "FILE_EMPTY"),
        (b" \r\n \r\n", "FILE_EMPTY"),
        (HEAD, "FILE_EMPTY"),
        (HEAD.decode().encode("utf-16"), "FILE_ENCODING"),
        (HEAD + "Z\u00fcrich,B,SOL,5\n".encode("cp1252"), "FILE_ENCODING"),
        (b"PK\x03\x04 a workbook", "FILE_FORMAT"),
        (HEAD.replace(b",", b"\t"), "FILE_FORMAT"),
        (HEAD + b'A,"B,SOL,5\n', "FILE_FORMAT"),
        (HEAD + b'A,"B"x,SOL,5\n', "FILE_FORMAT"),
        (HEAD + b"A,B,SOL,5\n" * (sheet.MOST_ROWS + 1), "ROWS_TOO_MANY"),
        (HEAD + b"x" * sheet.MOST_BYTES, "FILE_TOO_LARGE"),
        # Each row would be as wide: a small file would take all memory.
        (b"note," * 100_000 + b"\n" + b"1\n" * 5000, "COLUMN_UNKNOWN"),
    ],
)
def test_what_is_no_list_is_named_once_for_the_whole_file(content, code):
    assert problems(content) == [(0, "", code)]


def test_a_wrong_letter_is_found_by_its_line():
    read = sheet.read(HEAD + b"A,B,SOL,5\n" + "\u00fc,B,SOL,5\n".encode("cp1252"), TRANSFER)

    assert "Line 3" in read.problems[0].sentence
    assert "byte FC" in read.problems[0].sentence


def test_every_wrong_column_is_named():
    found = problems(b"from_account,commodity,commodity,colour,\nA,SOL,SOL,red,\n")

    assert found == [
        (1, "commodity", "COLUMN_TWICE"),
        (1, "colour", "COLUMN_UNKNOWN"),
        (1, "", "COLUMN_UNKNOWN"),
        (1, "to_account", "COLUMN_MISSING"),
        (1, "quantity", "COLUMN_MISSING"),
    ]


def test_empty_rows_at_the_end_do_not_count_and_others_are_named():
    assert problems(HEAD + b"A,B,SOL,5\n\n,,,\nA,B,SOL,6\n,,,\n\n") == [
        (3, "", "ROW_EMPTY"),
        (4, "", "ROW_EMPTY"),
    ]


def test_rows_of_another_length_are_named():
    assert problems(HEAD + b"A,B,SOL\nA,B,SOL,5,6\nA,B,SOL,5\n") == [
        (2, "", "ROW_CELLS"),
        (3, "", "ROW_CELLS"),
    ]


def test_a_quoted_line_break_keeps_the_numbers_of_the_rows_and_is_named():
    content = HEAD.replace(b"\n", b",note\n") + b'A,B,SOL,5,"one\ntwo"\nA,,SOL,5,\n'

    assert problems(content) == [(2, "note", "VALUE_CONTROL"), (3, "to_account", "VALUE_MISSING")]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("a\x00b", "VALUE_CONTROL"),
        ("a\tb", "VALUE_CONTROL"),
        ("=HYPERLINK(1)", "VALUE_FORMULA"),
        ("+1", "VALUE_FORMULA"),
        ("-1", "VALUE_FORMULA"),
        ("@SUM", "VALUE_FORMULA"),
        ("x" * 2001, "VALUE_TOO_LONG"),
    ],
)
def test_texts_that_could_do_harm_are_named(cell, code):
    content = HEAD.replace(b"\n", b",note\n") + f"A,B,SOL,5,{cell}\n".encode()

    assert problems(content) == [(2, "note", code)]
