"""An address for each route of the portal, with something real behind it that belongs to Alder."""

from datetime import date
from pathlib import Path

from django.urls import URLPattern, URLResolver

from ledgerdb.reads import rows
from registry import services
from tests import make
from tests.portal import replays
from tests.portal.cast import Cast

# What leads nowhere, whoever asks.
MADE_UP = {
    "<int:factor>": 1,
    "<str:token>": "made-up",
    "<str:provider_id>": "oidc",
    "^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)$": "reset-password/a-b",
}
# What the codes in these addresses name; in the others, an account.
CODES = {
    "errors": "RANGE_INVALID", "organisations": "ALD", "facilities": "FG", "commodities": "SOL",
}  # fmt: skip


def routes(patterns, before=""):
    """Return every route, as it is written."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern)


def an_upload(cast: Cast, *, submitted: bool = True) -> int:
    """Return the number of an upload of one row."""
    asks = {"source": cast.source, "target": cast.target, "commodity": cast.commodity, "volume": 1}
    upload = services.keep_upload(
        submitter=cast.marsh,
        kind="transfer",
        idempotency_key=make.key(),
        name="list.csv",
        size=1,
        sha256="0" * 64,
        rows=[(2, asks)],
    )
    if submitted:
        services.submit_upload(number=upload.number, submitter=cast.marsh)
    return upload.number


def an_issue_with_evidence(cast: Cast, settings: object, directory: Path) -> int:
    """Return the number of a submitted issue that a file goes with."""
    settings.EVIDENCE_DIR = directory
    file = services.keep_evidence(uploader=cast.marsh, name="a.pdf", type="pdf", content=b"%PDF-")
    item = make.request("mint", cast.marsh, facility=cast.facility, evidence=file)
    return item.number


def a_policy(cast: Cast):
    """Return a rule that lets certificates change their region."""
    return services.allow_region_change(
        commodity=cast.commodity,
        from_region=make.region(),
        to_region=make.region(),
        valid_from=date(2026, 1, 1),
    )


def values(cast: Cast, settings: object, directory: Path) -> dict[str, dict[str, object]]:
    """Make what the addresses lead to; return what stands for each part, by route or for all."""
    waiting = cast.submitted(1)
    cast.executed(2)
    retired = make.retire(cast.source, 3, commodity=cast.commodity)
    statement = rows("SELECT reference FROM ledger.statement(%s)", [retired.transaction_id])
    block = rows("SELECT max(item_id) AS id FROM ledger.leaves")[0]["id"]
    together = services.decide_several(
        approver=cast.approver, key=make.key(), decision="approve", reason="", numbers=[]
    )
    upload, issue = an_upload(cast), an_issue_with_evidence(cast, settings, directory)
    everywhere = {
        "<uuid:key>": together.key,
        "<str:commodity>/<str:number>": "SOL/1000",
        "<int:batch_id>": rows("SELECT min(id) AS id FROM ledger.assets")[0]["id"],
        "<int:run_id>": services.reconcile(),
        "<int:number>": waiting.number,
        "<str:code>": "ALD-01",
        "<int:block_id>": block,
        "<str:number>": "SOL-2",
        "<str:reference>": statement[0]["reference"],
        "<int:rule_id>": a_policy(cast).id,
        "<uuid:person>": cast.marsh.id,
        "<uuid:invitation>": cast.marsh.id,
        **MADE_UP,
    }
    return {
        "": everywhere,
        "requests/<int:number>/statement": {"<int:number>": retired.number},
        "requests/<int:number>/statement.pdf": {"<int:number>": retired.number},
        "requests/<int:number>/evidence": {"<int:number>": issue},
        **{
            f"requests/uploads/<int:number>{act}": {"<int:number>": upload}
            for act in ("", "/submit", "/discard")
        },
        **of_a_replay(),
    }


def of_a_replay() -> dict[str, dict[str, object]]:
    """Make a rehearsal with what it rejected and what was decided; return as ``values`` does."""
    run = replays.rehearsed()
    rejection = run.rejections.latest("id")
    decided = replays.decided(rejection, make.operator())
    of_run = {"<int:number>": run.pk, "<int:rejection>": rejection.pk}
    pages = (
        "",
        "/report",
        "/report.csv",
        "/rejections.csv",
        "/compare",
        "/compare.csv",
        "/together",
    )
    pages += tuple(f"/<int:rejection>{act}" for act in ("", "/decide", "/take"))
    return {f"replay/<int:number>{page}": of_run for page in pages} | {
        f"replay/variances/<int:number>{act}": {"<int:number>": decided.pk}
        for act in ("", "/sign", "/send-back", "/together")
    }


def filled(known, stands_for: dict[str, dict[str, object]]) -> dict[str, str]:
    """Return the address of each of some routes."""
    found = {}
    for route in known:
        path = "/" + route
        if (kind := route.split("/")[0]) in CODES:
            path = path.replace("<str:code>", CODES[kind])
        for name, value in {**stands_for[""], **stands_for.get(route, {})}.items():
            path = path.replace(name, str(value))
        found[route] = path
    return found
