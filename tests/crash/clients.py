"""Clients that insist: they ask under a key, and ask again until they know what came of it."""

import dataclasses
import itertools
import random
import threading
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import django.db
from django.db import connections

from registry import services
from registry.models import Account, Commodity, Facility, Request, User
from tests import make

FINAL = {Request.Status.EXECUTED, Request.Status.FAILED}


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a client asks for, and the key it asks under."""

    key: UUID
    submitter: User
    asks: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of a wish, whether it was interrupted, and whether it was already done by then."""

    wish: Wish
    request: Request
    interrupted: bool
    found_done: bool


@dataclasses.dataclass
class Market:
    """Who trades what, in the load."""

    commodity: Commodity
    approver: User
    accounts: list[Account]
    terminal: dict[UUID, Account]
    plants: list[Facility]
    holding: int

    @classmethod
    def open(cls, traders: int, holding: int = 10_000) -> "Market":
        """Open accounts that hold the same each."""
        commodity = make.commodity()
        accounts = [make.account(holding=holding, commodity=commodity) for _ in range(traders)]
        return cls(
            commodity,
            make.approver(),
            accounts,
            {account.pk: make.retirement_account(account) for account in accounts},
            [make.facility(account.organisation) for account in accounts],
            holding,
        )


class Client(threading.Thread):
    """One client: wishes at random, each pursued to its end through the services."""

    def __init__(self, market: Market, number: int, seed: int) -> None:
        """Seed the wishes; nothing runs before ``start()``."""
        super().__init__(name=f"client {number}")
        self.market = market
        self.own = number
        self.chance = random.Random(seed * 1000 + number)
        self.submitter = make.submitter_for(market.accounts[number])
        self.finished = threading.Event()
        self.answers: list[Answer] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Wish until told to finish; the last wish too is pursued to its end."""
        try:
            for number in itertools.count():
                if self.finished.is_set():
                    return
                self.answers.append(self.pursue(self.wish(number)))
        except BaseException as error:  # the main thread raises it again
            self.error = error
        finally:
            connections.close_all()

    def wish(self, number: int) -> Wish:
        """Think of something to ask for."""
        market, own = self.market, self.market.accounts[self.own]
        volume = self.chance.randint(1, 30)
        kind = self.chance.choices(["transfer", "mint", "retire"], [6, 2, 2])[0]
        asks: dict[str, Any] = {"kind": kind, "commodity": market.commodity, "volume": volume}
        if kind == "mint":
            day = date(2000, 1, 1) + timedelta(days=number)
            asks |= {"target": own, "facility": market.plants[self.own]}
            asks |= {"production_start": day, "production_end": day}
        elif kind == "retire":
            asks |= {"source": own, "target": market.terminal[own.pk]}
            asks |= {"beneficiary": "Town of Exampleton", "reason": "Supply of 2026"}
        else:
            others = [account for account in market.accounts if account != own]
            asks |= {"source": own, "target": self.chance.choice(others)}
        return Wish(make.key(), self.submitter, asks)

    def pursue(self, wish: Wish) -> Answer:
        """Ask until the answer is known, however often the server goes away."""
        interrupted = False
        while True:
            try:
                request = ask(wish)
                found_done = interrupted and request.status in FINAL
                request = finish(request, self.market.approver)
            except (django.db.OperationalError, django.db.InterfaceError):
                interrupted = True
                connections.close_all()
                # Not a tight loop while the server is away.
                self.finished.wait(0.02)
            else:
                return Answer(wish, request, interrupted, found_done)


def ask(wish: Wish) -> Request:
    """Draft what is wished for; asked again under the same key, find it."""
    return services.draft_request(submitter=wish.submitter, idempotency_key=wish.key, **wish.asks)


def finish(request: Request, approver: User) -> Request:
    """Take a request from wherever it stands to its end: submit, approve, execute."""
    while request.status not in FINAL:
        if request.status == Request.Status.DRAFT:
            request = services.submit_request(request_id=request.pk, submitter=request.submitter)
        elif request.status == Request.Status.SUBMITTED:
            request = services.approve_request(request_id=request.pk, approver=approver)
        else:
            request = services.execute_request(request_id=request.pk)
    return request


def expected_balances(market: Market, answers: list[Answer]) -> dict[UUID, int]:
    """Add up what the clients were told, without asking the ledger."""
    balances = {account.pk: market.holding for account in market.accounts}
    balances |= {account.pk: 0 for account in market.terminal.values()}
    for answer in answers:
        if answer.request.status == Request.Status.EXECUTED:
            asks = answer.wish.asks
            balances[asks["target"].pk] += asks["volume"]
            if "source" in asks:
                balances[asks["source"].pk] -= asks["volume"]
    return balances
