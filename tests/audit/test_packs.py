"""Evidence packs: what is in them, in whose eyes, the same for ever, and checked alone."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

from audit import verify_evidence
from registry.models import Account, Commodity, Facility, Organisation, User
from tests import make
from tests.audit import played
from tests.ledger import look
from tests.portal.cast import signed_in, somebody

PROGRAM = Path(verify_evidence.__file__)


def pack(client, number):
    answer = client.get(f"/transactions/{number}/evidence.zip")
    assert answer.status_code == 200, number
    return answer.content


def files(content):
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {name: found.read(name) for name in found.namelist()}


def facts(content, name):
    return json.loads(files(content)[name])


@pytest.fixture
def check(tmp_path, capsys):
    """Return what the program says of a pack, and its exit status."""

    def run(content, *options):
        path = tmp_path / "pack.zip"
        path.write_bytes(content)
        capsys.readouterr()
        status = verify_evidence.main([str(path), *options])
        return status, capsys.readouterr().out

    return run


def an_expiry(cast):
    """Let certificates of Alder and Cobalt expire in one sweep, and return its number."""
    make.done(make.expire_request(cast.holds_expired(100, 57)))
    return "OLD-3"


def test_the_program_works_out_the_hash_of_every_kind_of_transaction(cast, auditor, check):
    history = played.play(3, steps=20)
    numbers = [f"{history.commodity.code}-{n}" for n in range(1, len(history.steps) + 1)]
    kinds = set()

    for number in [*numbers, an_expiry(cast)]:
        content = pack(auditor, number)
        head = facts(content, "transaction.json")
        status, said = check(content, "--hash", head["hash"].upper())
        assert status == 0, said
        assert "WRONG" not in said
        assert f"Everything in this pack about {number} holds." in said
        kinds.add(head["kind"])
    assert kinds == {"mint", "transfer", "retire", "reassign_region", "expire"}


def test_the_hash_is_worked_out_from_a_batch_with_dates_and_a_claim_with_every_field(
    cast, auditor, check
):
    commodity = make.commodity(code="WND", months_transferable=6, months_to_expiry=36)
    make.mint(cast.source, 9, commodity=commodity, source_serial="ÄLT-9/1")
    make.retire(
        cast.source,
        4,
        commodity=commodity,
        beneficiary="Städtische Werke",
        beneficiary_country="DE",
        beneficiary_place="Köln",
        reason="Lieferung 2025, zu 100 %",
        consumption_start=date(2025, 1, 1),
        consumption_end=date(2025, 12, 31),
    )

    for number in ("WND-1", "WND-2"):
        content = pack(auditor, number)
        assert check(content, "--hash", look_up(number))[0] == 0
    assert facts(content, "request.json")["beneficiary_place"] == "Köln"
    assert re.fullmatch("[0-9A-Z]{16,20}", facts(content, "request.json")["statement"])


def look_up(number):
    code, height = number.split("-")
    return look.value(
        "SELECT encode(ch.hash, 'hex') FROM ledger.chain ch"
        " JOIN registry_commodity c ON c.id = ch.commodity_id WHERE c.code = %s AND height = %s",
        code,
        int(height),
    )


def test_a_pack_is_the_same_whoever_asks_and_whatever_came_later(cast, auditor):
    cast.executed(400)
    cole, operator = signed_in(cast.cole), signed_in(somebody(cast, "operator"))
    before = [pack(client, "SOL-2") for client in (auditor, cole)]

    make.retire(cast.target, 100, commodity=cast.commodity)
    make.transfer(cast.source, cast.target, 50, commodity=cast.commodity)
    for model in (Organisation, Account, Facility, Commodity, User):
        for record in model.objects.all():
            model.objects.filter(pk=record.pk).update(name=f"Renamed {record.pk}")

    assert [pack(client, "SOL-2") for client in (auditor, cole)] == before
    assert pack(operator, "SOL-2") == before[0]
    assert b"Cobalt Grid" in files(before[0])["blocks.json"]
    make.transfer(cast.source, cast.target, 50, commodity=cast.commodity)
    assert b"Renamed" in files(pack(auditor, "SOL-5"))["blocks.json"]


def test_a_party_gets_nothing_of_what_others_hold(cast, auditor, check):
    canary = make.account(
        organisation=make.organisation(code="KANARY", name="Canary Power"), code="KANARY-01"
    )
    make.mint(canary, 3000, commodity=cast.commodity)
    make.transfer(canary, cast.source, 1500, commodity=cast.commodity)
    balance = 1000 + 1500 - 1200
    make.transfer(cast.source, cast.target, 1200, commodity=cast.commodity)
    content = pack(signed_in(cast.cole), "SOL-4")
    whole = pack(auditor, "SOL-4")

    said = b"".join(files(content).values())
    assert b"KANARY" not in said
    assert b"Canary" not in said
    assert b"KANARY-01" in b"".join(files(whole).values())
    shown = {
        row["account"]["code"]: row["balance_after"] for row in facts(content, "postings.json")
    }
    assert shown == {"ALD-01": None, "COB-01": 1200}
    assert {row["balance_after"] for row in facts(whole, "postings.json")} == {balance, 1200}
    # With the ids that nobody can guess, the balance could be found by trying.
    for secret in facts(whole, "transaction.json")["hashed"].values():
        assert f'"{secret}"'.encode() not in said
    status, spoken = check(content)
    assert status == 3
    assert "The hash: it also covers what this party may not see" in spoken


def test_of_an_expiry_run_a_party_gets_its_own_part(cast, auditor, check):
    number = an_expiry(cast)
    content = pack(signed_in(cast.cole), number)

    assert b"ALD" not in b"".join(files(content).values())
    assert [each["volume"] for each in facts(content, "blocks.json")["consumed"]] == [57]
    assert [each["debit"] for each in facts(content, "postings.json")] == [57]
    assert "request.json" not in files(content)
    status, said = check(content)
    assert status == 3, said
    assert "one party's part of an expiry run" in said


def test_who_took_no_part_finds_no_pack(cast):
    cast.executed(400)
    client = signed_in(cast.outsider)

    for number in ("SOL-2", "SOL-99", "SOL-\uff11", "NO-1", "x", "SOL-" + "9" * 30):
        assert client.get(f"/transactions/{number}/evidence.zip").status_code == 404, number


def forged(content, name, *path, value, repaired=True):
    """Change one value of a pack; ``repaired``: and the manifest, as a forger would."""
    found = files(content)
    read = json.loads(found[name])
    place = read
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    found[name] = json.dumps(read).encode()
    return zipped(found, repaired=repaired)


def zipped(found, *, repaired=True):
    if repaired:
        manifest = json.loads(found["manifest.json"])
        for entry in manifest["files"]:
            content = found[entry["name"]]
            entry |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        found["manifest.json"] = json.dumps(manifest).encode()
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as made:
        for name, content in found.items():
            made.writestr(name, content)
    return kept.getvalue()


FORGERIES = [
    ("blocks.json", ("created", 0, "last"), 401, "wrong volume"),
    ("blocks.json", ("created", 1, "cut_from"), 7, "Nothing was made of number"),
    ("blocks.json", ("consumed", 0, "last"), 999, "wrong volume"),
    ("postings.json", (0, "debit"), 399, "differ"),
    ("postings.json", (0, "balance_after"), 601, "what the pack says gives"),
    ("postings.json", (0, "credit"), -1, "not on one side"),
    ("transaction.json", ("occurred_at",), "2026-01-01T00:00:00.000000Z", "gives"),
    ("transaction.json", ("height",), 3, "gives"),
    ("transaction.json", ("kind",), "retire", "gives"),
    ("transaction.json", ("previous_hash",), "00" * 32, "gives"),
    ("transaction.json", ("hash",), "00" * 32, "different hashes"),
    ("transaction.json", ("hashed", "actor_id"), "x", "none of its kind"),
    ("blocks.json", ("created", 0, "region_id"), 2**40, "none of its kind"),
    ("blocks.json", ("created",), None, "none of its kind"),
    ("approvals.json", ("two_people",), False, "One person"),
]


def test_whatever_is_changed_the_program_says_what_does_not_hold(cast, auditor, check):
    cast.executed(400)
    content = pack(auditor, "SOL-2")

    for name, path, value, words in FORGERIES:
        status, said = check(forged(content, name, *path, value=value))
        assert status == 1, (name, path, said)
        assert words in said, (name, path, said)
        assert "does NOT hold" in said
    status, said = check(forged(content, "request.json", "note", value="Else", repaired=False))
    assert (status, "request.json is not the file" in said) == (1, True)
    status, said = check(zipped({**files(content), "more.txt": b""}))
    assert (status, "more.txt is in the pack and not in the manifest" in said) == (1, True)
    left = {name: found for name, found in files(content).items() if name != "README.txt"}
    status, said = check(zipped(left, repaired=False))
    assert (status, "README.txt is in the manifest and not in the pack" in said) == (1, True)
    status, said = check(content, "--hash", "ab" * 32)
    assert (status, "not the one that you gave" in said) == (1, True)


def test_what_is_no_pack_is_named(cast, auditor, check, tmp_path, capsys):
    content = pack(auditor, "SOL-1")
    found = files(content)

    for broken, words in (
        (b"", "not a zip file"),
        (content[: len(content) // 2], "not a zip file"),
        (zipped({**found, "blocks.json": b"{"}), "blocks.json is no JSON"),
        (forged(content, "transaction.json", "format", value="strata-evidence/2"), "newer program"),
        (zipped({"manifest.json": b"{}"}, repaired=False), "blocks.json is not in it"),
    ):
        status, said = check(broken)
        assert status == 2, said
        assert words in said
    assert verify_evidence.main([str(tmp_path / "nothing.zip")]) == 2
    assert "No such file" in capsys.readouterr().out


def test_the_program_needs_python_and_nothing_else(cast, auditor, tmp_path):
    kept = tmp_path / "evidence.zip"
    kept.write_bytes(pack(auditor, "SOL-1"))
    shutil.copy(PROGRAM, tmp_path / "alone.py")

    # -I -S: no packages, no environment, no directory to import from.
    run = subprocess.run(
        [sys.executable, "-I", "-S", "alone.py", kept.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "The hash follows from all that is said here" in run.stdout


def test_each_row_of_the_picture_is_as_wide_as_the_numbers_that_were_consumed(committed_db):
    history = played.play(5, steps=14)
    auditor = signed_in(make.person(make.organisation("regulator"), "auditor"))

    for height, step in enumerate(history.steps, 1):
        picture = files(pack(auditor, f"{history.commodity.code}-{height}"))["lineage.svg"].decode()
        rows = {}
        for y, width in re.findall(
            r'<rect x="[\d.]+" y="([\d.]+)" width="([\d.]+)" height="64" rx="3" fill="#', picture
        ):
            # Each rectangle leaves a hair on both sides.
            whole = float(width) + min(2, float(width))
            rows[float(y)] = rows.get(float(y), 0) + whole
        sums = list(rows.values())
        assert max(sums) <= 760.5, (height, sums)
        if step.kind != "mint":
            assert abs(sums[-1] - sums[-2]) < 0.5, (height, sums)
            assert sums[-1] > 500


def test_pages_lead_to_the_pack_and_its_name_says_of_what_it_is(cast, auditor):
    item = make.retire(cast.source, 100, commodity=cast.commodity)

    page = auditor.get("/transactions/SOL-2").content.decode()
    statement = auditor.get(f"/requests/{item.number}/statement").content.decode()
    answer = auditor.get("/transactions/SOL-2/evidence.zip")

    for text in (page, statement):
        assert 'href="/transactions/SOL-2/evidence.zip"' in text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="evidence-SOL-2.zip"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert b"100 SOL certificates were retired." in files(answer.content)["README.txt"]
