"""A list as CSV: read whole, with everything that is wrong with it. Pure."""

import csv
import io
import unicodedata
from dataclasses import dataclass, field

MOST_BYTES = 2 * 1024 * 1024
MOST_ROWS = 5000
# Far more than any list has: each row is held as wide as the first line.
MOST_COLUMNS = 100
# The line of column names is row 1, as in a spreadsheet.
FIRST_ROW = 2
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Column:
    """One column of a list: its name, what it holds, and whether it must be there."""

    name: str
    label: str
    hint: str
    needed: bool = False
    filled: bool = False
    longest: int = 0


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, in a sentence, and its name. Row 0 is the file itself."""

    row: int
    column: str
    sentence: str
    code: str


@dataclass(frozen=True)
class Line:
    """One row of a list, by its number in a spreadsheet."""

    row: int
    cells: dict[str, str]


@dataclass
class Sheet:
    """What was read: the names of the columns, the rows, and what is wrong."""

    columns: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    # Rows whose cells do not stand below their columns.
    shifted: set[int] = field(default_factory=set)

    def note(self, row: int, column: str, sentence: str, code: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(row, column, sentence, code))


class Unreadable(Exception):
    """The file is no list at all; the sentence says why."""

    def __init__(self, sentence: str, code: str):
        """Keep the sentence and its name."""
        super().__init__(sentence)
        self.problem = Problem(0, "", sentence, code)


def read(content: bytes, columns: tuple[Column, ...]) -> Sheet:
    """Read a file as a list with these columns."""
    sheet = Sheet()
    try:
        records = _records(_decode(content), columns)
    except Unreadable as unreadable:
        sheet.problems.append(unreadable.problem)
        return sheet
    _read_names(sheet, records[0] if records else [], columns)
    _read_lines(sheet, records[1:], len(records[0]) if records else 0)
    return sheet


def check_texts(sheet: Sheet, columns: tuple[Column, ...]) -> None:
    """Look at each cell as text: is it there, can it be shown, does it fit."""
    for line in sheet.lines:
        if line.row in sheet.shifted:
            continue
        for column in columns:
            if column.name in sheet.columns:
                _check_text(sheet, line, column)


def _check_text(sheet: Sheet, line: Line, column: Column) -> None:
    text = line.cells[column.name]
    if any(unicodedata.category(each) == "Cc" for each in text):
        sentence = "It holds a line break or a character that cannot be shown."
        sheet.note(line.row, column.name, sentence, "VALUE_CONTROL")
    elif not text and column.filled:
        sheet.note(line.row, column.name, "This is missing.", "VALUE_MISSING")
    elif column.longest and len(text) > column.longest:
        sentence = f"It has {len(text):,} characters; {column.longest:,} fit."
        sheet.note(line.row, column.name, sentence, "VALUE_TOO_LONG")
    elif column.longest and text.startswith(FORMULA):
        sentence = f"It begins with {text[0]} and looks like a formula."
        sheet.note(line.row, column.name, sentence, "VALUE_FORMULA")


def _decode(content: bytes) -> str:
    """
    Return the text of a file.

    :raises Unreadable: too large, empty, or not UTF-8
    """
    if len(content) > MOST_BYTES:
        sentence = f"The file is larger than {MOST_BYTES // 1024 // 1024} MB."
        raise Unreadable(sentence, "FILE_TOO_LARGE")
    if not content.strip():
        raise Unreadable("The file is empty.", "FILE_EMPTY")
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable("This is a spreadsheet, not CSV. Save it as CSV UTF-8.", "FILE_FORMAT")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("The file is UTF-16. Save it as CSV UTF-8.", "FILE_ENCODING")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        sentence = (
            f"Line {line:,} holds a character that is not UTF-8 (byte {content[error.start]:02X});"
            " perhaps it was saved as Windows-1252. Save it as CSV UTF-8."
        )
        raise Unreadable(sentence, "FILE_ENCODING") from error


def _records(text: str, columns: tuple[Column, ...]) -> list[list[str]]:
    """
    Split a text into records, by commas or by semicolons, whichever its first line is made with.

    :raises Unreadable: a quote is not closed, tabs stand between the columns, or there is too much
    """
    known = {column.name for column in columns}
    head = text.partition("\n")[0]
    counts = {sign: len({_name(part) for part in head.split(sign)} & known) for sign in ",;\t"}
    if counts["\t"] > max(counts[","], counts[";"]):
        sentence = "Tabs stand between the columns. Use commas or semicolons."
        raise Unreadable(sentence, "FILE_FORMAT")
    sign = ";" if counts[";"] > counts[","] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append([cell.strip(" ") for cell in record])
            if len(records[0]) > MOST_COLUMNS:
                sentence = f"There are more than {MOST_COLUMNS} columns."
                raise Unreadable(sentence, "COLUMN_UNKNOWN")
            if len(records) > MOST_ROWS + 1 and any(records[-1]):
                sentence = f"There are more than {MOST_ROWS:,} rows."
                raise Unreadable(sentence, "ROWS_TOO_MANY")
    except csv.Error as error:
        sentence = (
            f"Up to line {reader.line_num:,} a quote is not closed, or something follows a closed"
            " one."
        )
        raise Unreadable(sentence, "FILE_FORMAT") from error
    while records and not any(records[-1]):
        records.pop()
    return records


def _read_names(sheet: Sheet, names: list[str], columns: tuple[Column, ...]) -> None:
    sheet.columns = [_name(each) for each in names]
    known = {column.name: column for column in columns}
    for place, name in enumerate(sheet.columns, start=1):
        if name not in known:
            sentence = (
                f"There is no column “{name[:40]}” in the template."
                if name
                else f"Column {place} has no name."
            )
            sheet.note(1, name[:40], sentence, "COLUMN_UNKNOWN")
        elif name in sheet.columns[: place - 1]:
            sheet.note(1, name, f"The column {name} is there twice.", "COLUMN_TWICE")
    for column in columns:
        if column.needed and column.name not in sheet.columns:
            sheet.note(1, column.name, f"The column {column.name} is missing.", "COLUMN_MISSING")


def _read_lines(sheet: Sheet, records: list[list[str]], width: int) -> None:
    for row, record in enumerate(records, start=FIRST_ROW):
        if not any(record):
            sheet.note(row, "", "This row is empty, and others follow.", "ROW_EMPTY")
            continue
        if len(record) != width:
            sentence = f"There are {len(record)} cells where there are {width} columns."
            sheet.note(row, "", sentence, "ROW_CELLS")
            sheet.shifted.add(row)
        # Of a column that is there twice the first counts.
        cells = dict(reversed(list(zip(sheet.columns, record, strict=False))))
        sheet.lines.append(Line(row, {name: cells.get(name, "") for name in sheet.columns}))
    if not records:
        sheet.note(0, "", "There is no row below the column names.", "FILE_EMPTY")


def _name(text: str) -> str:
    return text.strip().strip('"').strip().lower().replace(" ", "_")
