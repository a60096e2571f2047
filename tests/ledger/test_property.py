"""
Random legal and illegal operations, on the ledger and on a small model of it: the same answers.

``LEDGER_TEST_EXAMPLES`` and ``LEDGER_TEST_STEPS`` make it longer, ``LEDGER_TEST_SEED`` another one.
"""

import contextlib
import dataclasses
import os
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.plugin import DjangoDbBlocker

from ledgerdb import calls
from registry import services
from registry.models import Account, Commodity, Request, User
from registry.services.decisions import record_approval
from tests import make, model
from tests.ledger import wishes, world
from tests.ledger.compare import (
    Moment,
    compare_balance,
    compare_holder,
    compare_holdings,
    moved,
    planned_effect,
    previewed_effect,
    recorded_effect,
    same_blocks,
)
from tests.proof import prove, prove_rebuild
from tests.server import Server, clone, django_uses

SEED = int(os.environ.get("LEDGER_TEST_SEED", "20261120"))
EXAMPLES = int(os.environ.get("LEDGER_TEST_EXAMPLES", "10"))
STEPS = int(os.environ.get("LEDGER_TEST_STEPS", "30"))


# The shrinker leaves out steps; what a step does hangs on one number.
RANDOM = st.randoms(use_true_random=True)
TALLY: Counter[str] = Counter()
# The run must have met at least these, or it proves too little.
EXPECTED = {
    *calls.KINDS,
    "BLOCK_NOT_HELD",
    "COMMODITY_RULE",
    "INSUFFICIENT_TOTAL_BALANCE",
    "PREVIEW_CHANGED",
    "repeated",
}


@dataclasses.dataclass
class Case:
    """A request, what the model knows of it, and what its submitter was shown."""

    row: Request
    asked: model.Request
    submitter: User
    shown: list[model.Part] | None = None
    fingerprint: str = ""


def refusal(act: Any, *arguments: Any, **named: Any) -> Any:
    """Return what an act returns, or the name of its refusal."""
    try:
        return act(*arguments, **named)
    except model.Refusal as refused:
        return str(refused)
    except services.LedgerError as refused:
        return refused.code


class LedgerMachine(RuleBasedStateMachine):
    """Does everything twice and compares."""

    def __init__(self, server: Server) -> None:
        """Take a fresh database and a fresh model."""
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.database = self.stack.enter_context(clone(server))
        self.stack.enter_context(django_uses(server, self.database.name))
        self.auditor = self.database.connect("ledger_auditor", autocommit=True)
        self.world = world.build()
        self.ledger = self.world.ledger
        self.waiting: list[Case] = []
        self.approved: list[Case] = []
        self.executed: list[Case] = []
        self.history: list[Moment] = []
        self.changed = False

    def count(self, what: str) -> None:
        """Count an outcome, for the summary."""
        TALLY[what] += 1

    def take(self, chance: Random, cases: list[Case]) -> Case:
        """Take one of the cases off its list."""
        return cases.pop(chance.randint(0, len(cases) - 1))

    def other_approver(self, case: Case) -> User:
        """Return an approver who did not submit the case."""
        return next(each for each in self.world.approvers if each != case.submitter)

    def execute(self, case: Case, actor: User, kind: str = "") -> Any:
        """Call the ledger directly, as any program with the service login could."""
        return refusal(
            calls.execute, kind or case.asked.kind, request_id=case.row.pk, actor_id=actor.pk
        )

    # -- Asking.

    def submit(self, who: User, kind: str, commodity: Commodity, asks: dict) -> Case | None:
        """Draft, look at the preview, submit; return the case unless that was refused."""
        row = services.draft_request(kind=kind, submitter=who, commodity=commodity, **asks)
        case = Case(row, self.world.request(kind, commodity, asks), who)
        self.look(case)

        submitted = refusal(services.submit_request, request_id=row.pk, submitter=who)

        if not self.world.may_submit(who, kind, asks):
            assert submitted == "ACTOR_NOT_AUTHORISED"
            self.count("not submitted")
            return None
        assert submitted.status == "submitted", submitted
        return case

    def wish(self, chance: Random) -> Case | None:
        """Submit whatever somebody wishes."""
        who = chance.choice([self.world.submitters[0]] * 9 + self.world.submitters)
        return self.submit(who, *wishes.wish(chance, self.world))

    @rule(chance=RANDOM)
    def ask(self, chance: Random) -> None:
        """Submit something and leave it waiting."""
        if case := self.wish(chance):
            self.waiting.append(case)

    @rule(chance=RANDOM)
    def trade(self, chance: Random) -> None:
        """Ask and approve at once, several times, so that a run gets far."""
        for _ in range(chance.randint(4, 12)):
            if case := self.wish(chance):
                self.settle(case)

    @rule(chance=RANDOM)
    def overtake(self, chance: Random) -> None:
        """Take the first number of what somebody was shown, who insists on what was shown."""
        case = self.wish(chance)
        if case is None:
            return
        if case.shown and case.shown[0].block and case.asked.kind != "expire":
            first = case.shown[0].first
            asks = {
                "source": case.row.source,
                "target": chance.choice(self.world.open_trading()),
                "ranges": ((first, first),),
            }
            self.settle(self.submit(self.world.submitters[0], "transfer", case.row.commodity, asks))
        self.settle(case, strictly=True)

    @rule(chance=RANDOM)
    def trade_on(self, chance: Random) -> None:
        """Trade, also in the examples from which the rule above was left out at random."""
        self.trade(chance)

    @initialize(chance=RANDOM)
    def begin(self, chance: Random) -> None:
        """Issue something sensible to each account, so that there is something to move."""
        who = self.world.submitters[0]
        for months_ago, commodity in ((1, 0), (2, 0), (1, 1), (36, 1)):
            commodity = self.world.commodities[commodity]
            asks = {
                "target": chance.choice(self.world.open_trading()),
                "facility": chance.choice(self.world.facilities[:2]),
                "volume": 10 * chance.randint(5, 30),
                **self.world.period(months_ago, 0),
            }
            self.settle(self.submit(who, "mint", commodity, asks))

    def look(self, case: Case) -> Any:
        """Compare the preview with the model's plan, and remember both."""
        planned = refusal(self.ledger.plan, case.asked)
        shown = refusal(services.preview_request, case.row.pk)
        if isinstance(planned, str):
            assert shown == planned
            return None
        assert previewed_effect(shown) == planned_effect(self.ledger, case.asked, planned)
        assert moved(shown) == sorted((part.first, part.moved) for part in planned)
        case.shown, case.fingerprint = planned, shown["fingerprint"]
        return shown

    # -- Deciding.

    @rule(chance=RANDOM, strictly=st.booleans())
    @precondition(lambda self: self.waiting)
    def approve(self, chance: Random, strictly: bool) -> None:
        """Approve and execute, on the blocks shown at submission or on whatever fits now."""
        case = self.take(chance, self.waiting)
        self.settle(case, strictly=strictly)

    @rule(chance=RANDOM)
    @precondition(lambda self: self.waiting)
    def approve_for_later(self, chance: Random) -> None:
        """Approve without executing, as where another process executes."""
        case = self.take(chance, self.waiting)
        case.row = record_approval(request_id=case.row.pk, approver=self.other_approver(case))
        self.approved.append(case)

    @rule(chance=RANDOM)
    @precondition(lambda self: self.approved)
    def execute_later(self, chance: Random) -> None:
        """Execute what was approved a while ago."""
        case = self.take(chance, self.approved)
        planned = refusal(self.ledger.plan, case.asked)
        self.conclude(case, planned, services.execute_request(request_id=case.row.pk))

    @rule(chance=RANDOM, how=st.sampled_from(["reject", "withdraw"]))
    @precondition(lambda self: self.waiting)
    def turn_down(self, chance: Random, how: str) -> None:
        """Reject or withdraw; nobody can decide it again."""
        case = self.take(chance, self.waiting)
        approver = self.other_approver(case)
        if how == "reject":
            services.reject_request(request_id=case.row.pk, approver=approver, reason="No.")
        else:
            services.withdraw_request(request_id=case.row.pk, submitter=case.submitter)

        again = refusal(services.approve_request, request_id=case.row.pk, approver=approver)
        assert again == "REQUEST_TRANSITION_INVALID"
        assert self.execute(case, approver) == "REQUEST_NOT_APPROVED"
        self.count(how)

    def settle(self, case: Case, *, strictly: bool = False) -> None:
        """Approve a request and compare what comes of it with the model."""
        planned = refusal(self.ledger.plan, case.asked)
        fingerprint = case.fingerprint if strictly else ""
        if fingerprint and not isinstance(planned, str) and not same_blocks(planned, case.shown):
            planned = "PREVIEW_CHANGED"
        shown = self.look(dataclasses.replace(case))
        approver = self.other_approver(case)
        make.opened(case.row, approver, fingerprint)
        done = services.approve_request(
            request_id=case.row.pk, approver=approver, fingerprint=fingerprint
        )
        self.conclude(case, planned, done, shown)

    def conclude(self, case: Case, planned: Any, done: Request, shown: Any = None) -> None:
        """Compare an outcome with the model's, and let the model do the same."""
        if isinstance(planned, str):
            assert (done.status, done.failure_code) == ("failed", planned)
            self.count(planned)
            return
        assert (done.status, done.failure_code) == ("executed", "")
        self.count(case.asked.kind)
        case.row = done
        expected = planned_effect(self.ledger, case.asked, planned)
        assert recorded_effect(self.auditor, done.transaction_id) == expected
        assert shown is None or previewed_effect(shown) == expected
        self.ledger.apply(case.asked, planned)
        commodity = case.asked.commodity.key
        (at,) = self.auditor.execute(
            "SELECT occurred_at FROM ledger.transactions WHERE id = %s", (done.transaction_id,)
        ).fetchone()
        self.history.append(Moment(at, commodity, tuple(self.ledger.blocks[commodity])))
        self.executed.append(case)
        self.changed = True

    # -- What nobody may do.

    @rule(chance=RANDOM)
    @precondition(lambda self: self.executed)
    def repeat(self, chance: Random) -> None:
        """Execute again, whoever asks: the first result and nothing more."""
        case = chance.choice(self.executed)
        actor = chance.choice([*self.world.approvers, self.world.participant])
        assert self.execute(case, actor) == case.row.transaction_id
        self.count("repeated")

    @rule(chance=RANDOM)
    @precondition(lambda self: self.approved)
    def impersonate(self, chance: Random) -> None:
        """Execute as somebody other than who approved, or as another kind."""
        case = chance.choice(self.approved)
        people = [*self.world.approvers, *self.world.submitters]
        actor = chance.choice([each for each in people if each != case.row.approver])
        assert self.execute(case, actor) == "ACTOR_NOT_AUTHORISED"
        other = next(kind for kind in ("transfer", "retire") if kind != case.asked.kind)
        assert self.execute(case, case.row.approver, other) == "REQUEST_KIND_MISMATCH"
        self.count("impersonated")

    @rule(chance=RANDOM)
    @precondition(lambda self: self.waiting)
    def jump_the_queue(self, chance: Random) -> None:
        """Execute what nobody approved, approve one's own, approve without the role."""
        case = chance.choice(self.waiting)
        assert self.execute(case, self.world.approvers[0]) == "REQUEST_NOT_APPROVED"
        for who in (case.submitter, self.world.participant):
            expected = "SELF_APPROVAL" if who == case.submitter else "ACTOR_NOT_AUTHORISED"
            said = refusal(services.approve_request, request_id=case.row.pk, approver=who)
            assert said == expected
        nobody = refusal(calls.execute, "expire", request_id=uuid4(), actor_id=case.submitter.pk)
        assert nobody == "REQUEST_NOT_FOUND"
        self.count("jumped")

    @rule(chance=RANDOM)
    def suspend_another(self, chance: Random) -> None:
        """Reopen the suspended account and suspend another one."""
        for account in [
            next(a for a in self.world.of_type("trading") if a not in self.world.open_trading()),
            chance.choice(self.world.open_trading()),
        ]:
            self.turn(account)

    def turn(self, account: Account) -> None:
        """Suspend an active account, reopen a suspended one."""
        known = self.ledger.accounts[account.pk]
        turned = dataclasses.replace(known, active=not known.active)
        Account.objects.filter(pk=account.pk).update(
            status="active" if turned.active else "suspended"
        )
        self.ledger.accounts[account.pk] = turned
        for case in (*self.waiting, *self.approved):
            for side in ("source", "target"):
                if getattr(case.asked, side) == known:
                    setattr(case.asked, side, turned)

    # -- Looking.

    @rule(chance=RANDOM)
    @precondition(lambda self: self.history)
    def look_back(self, chance: Random) -> None:
        """Ask about some past moment."""
        moment = chance.choice(self.history)
        at = moment.at + timedelta(microseconds=chance.choice([-1, 0, 1]))
        account = chance.choice(self.world.of_type("trading")).pk
        number = chance.randint(1, 600)
        compare_holder(self.auditor, self.history, moment.commodity, number, at)
        compare_balance(self.auditor, self.history, account, moment.commodity, at)
        self.count("looked back")

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """Compare every account now, and let the ledger check itself."""
        if self.changed:
            self.changed = False
            self.compare_at(self.history[-1].at)
            prove(self.database)

    def compare_at(self, at: datetime) -> None:
        """Compare what every account held at an instant."""
        compare_holdings(self.auditor, self.history, list(self.ledger.accounts), at)

    def teardown(self) -> None:
        """Ask about every past step once more; rebuild; let the database go."""
        try:
            for moment in self.history:
                self.compare_at(moment.at)
                self.compare_at(moment.at - timedelta(microseconds=1))
            prove_rebuild(self.database)
            prove(self.database)
        finally:
            self.stack.close()


def test_the_ledger_and_its_model_agree_on_everything(
    server: Server, django_db_blocker: DjangoDbBlocker
) -> None:
    def machine() -> LedgerMachine:
        return LedgerMachine(server)

    print(f"\nseed {SEED}, {EXAMPLES} examples of at most {STEPS} steps")
    with django_db_blocker.unblock():
        run_state_machine_as_test(
            seed(SEED)(machine),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )

    print(", ".join(f"{what} {count}" for what, count in sorted(TALLY.items())))
    assert EXPECTED.issubset(TALLY)
