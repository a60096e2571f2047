"""The checklist of a cutover: it computes itself, and nothing on it is ticked by hand."""

from dataclasses import dataclass
from datetime import datetime

from registry.models import ReplayRun, ReplayVariance, Request
from registry.selectors import replay

STATE = ReplayRun.State


@dataclass(frozen=True)
class Check:
    """One line of the checklist: its key, whether it holds, and what was found."""

    key: str
    ok: bool
    found: str


def last_rehearsal(source: str) -> ReplayRun | None:
    """Return the rehearsal of a source that started last and ended."""
    return ReplayRun.objects.filter(
        source=source, purpose="rehearsal", state__in=(STATE.FINISHED, STATE.FAILED)
    ).first()


def final_run(source: str) -> ReplayRun | None:
    """Return the final run of a source, if there is one that did not fail."""
    return ReplayRun.objects.filter(source=source, purpose="final").exclude(state="failed").first()


def before(source: str, *, freeze_at: datetime | None, sha256: str = "") -> list[Check]:
    """
    Check what must hold before the final run of a source.

    :param freeze_at: since when the older system takes nothing in
    :param sha256: of the source that the final run is to read; empty means that of the rehearsal
    """
    run = last_rehearsal(source)
    stated = freeze_at.isoformat() if freeze_at else "not stated"
    checks = [
        Check("freeze", freeze_at is not None, stated),
        *(_rehearsal(run, sha256) if run else [Check("rehearsal", False, "none has ended")]),
        *_variances(source, run),
        _ledger_is_empty(run),
    ]
    final = final_run(source)
    checks.append(Check("first_final", final is None, _told(final) if final else "none yet"))
    checks.append(_window())
    return checks


def after(source: str) -> list[Check]:
    """Check what must hold after the final run of a source, before people are let in."""
    run = final_run(source)
    if run is None:
        return [Check("final", False, "there is no final run")]
    broken = [code for code, bad in replay.broken_chains().items() if bad is not None]
    return [
        Check("final", run.state == STATE.FINISHED, _told(run)),
        Check("rejections", run.rejected == 0, f"{run.rejected:,} rejected"),
        _compared(run),
        Check("reconciled", bool(run.reconciled), "clean" if run.reconciled else "not clean"),
        Check("chains", not broken, "every chain holds" if not broken else f"broken: {broken}"),
        Check(
            "same_as_rehearsal",
            _same_heads(run),
            "the hashes are those of the last rehearsal"
            if _same_heads(run)
            else "the hashes differ from the last rehearsal's",
        ),
        _window(),
    ]


def _told(run: ReplayRun) -> str:
    """Say how far a final run is; one that was stopped or killed goes on with the same command."""
    if run.state == STATE.FINISHED:
        return f"run {run.pk} is finished"
    heard = f", last heard of {run.heartbeat_at:%d %b %Y, %H:%M} UTC" if run.heartbeat_at else ""
    return (
        f"run {run.pk} is {run.state} at {run.done:,} of {run.events:,} events{heard}; unless it is"
        " at work, cutover run goes on with it"
    )


def _window() -> Check:
    """Look for a window: a final run that was killed leaves one until it goes on, or it closes."""
    found = replay.open_window()
    if found is None:
        return Check("window", True, "closed")
    closes_at, reason = found
    return Check("window", False, f"open for {reason}, until {closes_at:%d %b %Y, %H:%M} UTC")


def _rehearsal(run: ReplayRun, sha256: str) -> list[Check]:
    clean = run.state == STATE.FINISHED and run.rejected == 0 and run.unreadable == 0
    return [
        Check("rehearsal", run.state == STATE.FINISHED, f"run {run.pk} {run.state}"),
        Check("rejections", clean, f"{run.rejected:,} rejected, {run.unreadable:,} unreadable"),
        _compared(run),
        Check("reconciled", bool(run.reconciled), "clean" if run.reconciled else "not clean"),
        Check("chains", bool(run.heads), f"{len(run.heads)} chains"),
        Check(
            "same_source",
            sha256 in ("", run.sha256),
            "the source is the one that was rehearsed"
            if sha256 in ("", run.sha256)
            else "the source differs from the one that was rehearsed",
        ),
    ]


def _compared(run: ReplayRun) -> Check:
    if run.differences is None:
        return Check("comparison", False, "not compared with the source's closing balances")
    return Check("comparison", run.differences == 0, f"{run.differences:,} differences")


def _variances(source: str, run: ReplayRun | None) -> list[Check]:
    unsigned = ReplayVariance.objects.filter(
        source=source, signed_at__isnull=True, withdrawn_at__isnull=True
    ).count()
    rules = replay.rules_in_force(source)
    same = run is not None and [rule["id"] for rule in run.rules] == [rule["id"] for rule in rules]
    return [
        Check("variances_signed", unsigned == 0, f"{unsigned:,} not signed"),
        Check(
            "same_rules",
            same,
            f"{len(rules):,} rules, all of them rehearsed" if same else "rules changed since",
        ),
    ]


def _ledger_is_empty(run: ReplayRun | None) -> Check:
    """Look for transactions of the commodities that the rehearsal had."""
    executed = Request.objects.filter(
        status=Request.Status.EXECUTED, commodity__code__in=list(run.heads) if run else []
    ).count()
    return Check("empty_ledger", executed == 0, f"{executed:,} transactions")


def _same_heads(run: ReplayRun) -> bool:
    rehearsed = last_rehearsal(run.source)
    return rehearsed is not None and rehearsed.heads == run.heads
