"""
The search of the header: from what somebody pastes to the things that it may name.

Whatever a person may not open is not found: the answer is the same as for what does not exist.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from ledgerdb import finding, pages
from registry import access, addresses, moments
from registry.dates import DateError
from registry.models import Account, Commodity, Facility, Organisation, User
from registry.reference import NotAReference, grouped, tidy
from registry.selectors import accounts, requests

LONGEST = 100
DIGITS = 18
NUMBER = r"#?([0-9](?:[0-9 ,']*[0-9])?)"
PLAIN = re.compile(NUMBER)
# As pages write it and people copy it: one number, or the first and the last of a block.
RANGE = rf"{NUMBER}(?: ?(?:-|to) ?{NUMBER})?"
DIGITS_ALONE = re.compile(RANGE, re.IGNORECASE)
SERIAL = re.compile(rf"(\S+?)[ #]+{RANGE}", re.IGNORECASE)
TRANSACTION = re.compile(r"(\S+)-([0-9]{1,18})")
NAMED = re.compile(
    r"(certificate|block|transaction|request|statement|account|facility|organisation)s?:? +(.+)",
    re.IGNORECASE,
)
DATED = re.compile(r"(.+?),? on (.+)", re.IGNORECASE)
GAPS = re.compile(r"[\s\u00a0\u2009\u202f]+")
DASHES = re.compile("[\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}]")


class CannotSearchError(ValueError):
    """The message is a sentence for the person who typed it."""


@dataclass(frozen=True)
class Found:
    """Something that the typed text names; ``names`` are what its address is made of."""

    what: str
    names: tuple[Any, ...]
    label: str
    detail: str = ""

    @property
    def address(self) -> str:
        """Return where its page is."""
        return addresses.of(self.what, *self.names)


def find(user: User, typed: str) -> list[Found]:
    """
    Return what a text names of the things that a person may open.

    :raises CannotSearchError: it is too long, or holds what nobody can type
    """
    text = _readable(typed)
    if not text:
        return []
    if (dated := DATED.fullmatch(text)) and (held := list(_holdings(user, *dated.groups()))):
        return held
    named = NAMED.fullmatch(text)
    # "block 12" asks for blocks alone.
    kinds = [named[1].lower()] if named else list(FINDERS)
    sought = named[2] if named else text
    found = [
        each for kind in kinds if kind in addresses.PLACES for each in FINDERS[kind](user, sought)
    ]
    return list(dict.fromkeys(found))


def _readable(typed: str) -> str:
    if len(typed) > LONGEST:
        raise CannotSearchError(f"That is too long: type {LONGEST} characters at most.")
    text = DASHES.sub("-", GAPS.sub(" ", typed)).strip()
    if not text.isprintable():
        raise CannotSearchError("There are characters in it that cannot be searched for.")
    if any(len(digits) > DIGITS for digits in re.findall(r"[0-9]+", text)) and not _key(text):
        raise CannotSearchError(f"No number here is that large: type {DIGITS} digits at most.")
    return text


def _certificates(user: User, text: str) -> Iterator[Found]:
    plain, serial = DIGITS_ALONE.fullmatch(text), SERIAL.fullmatch(text)
    chosen: dict[int, str] = dict(Commodity.objects.values_list("id", "code"))
    if plain:
        number = _number(plain[1])
    elif serial:
        number = _number(serial[2])
        chosen = {id_: code for id_, code in chosen.items() if code.upper() == serial[1].upper()}
    if not (plain or serial) or not number or not chosen:
        return
    for row in finding.blocks_with(list(chosen), number, access.sees_only(user)):
        label = f"Certificate {row['commodity']} {number}"
        detail = f"{row['name']}, in block {row['block_id']}"
        yield Found("certificate", (row["commodity"], number, row["block_id"]), label, detail)


def _blocks(user: User, text: str) -> Iterator[Found]:
    plain = PLAIN.fullmatch(text)
    row = finding.block(_number(plain[1]), access.sees_only(user)) if plain else None
    if row:
        detail = f"{row['commodity']} {row['first']} to {row['last']}"
        yield Found("block", (row["block_id"],), f"Block {row['block_id']}", detail)


def _transactions(user: User, text: str) -> Iterator[Found]:
    named = TRANSACTION.fullmatch(text)
    if named is None:
        return
    organisation = access.sees_only(user)
    for commodity in Commodity.objects.filter(code__iexact=named[1]):
        row = pages.transaction_row(commodity.code, int(named[2]))
        if row and (organisation is None or pages.takes_part(row["id"], organisation)):
            detail = f"Of request {row['request_number']}"
            yield Found("transaction", (row["number"],), f"Transaction {row['number']}", detail)


def _requests(user: User, text: str) -> Iterator[Found]:
    plain, key = PLAIN.fullmatch(text), _key(text)
    # One question each, so that each is answered by an index of its own.
    sought = [Q(source_event=text)]
    if plain:
        sought.append(Q(number=_number(plain[1])))
    if key:
        sought += [Q(id=key), requests.with_key(key)]
    for each in sought:
        for item in requests.visible(user).filter(each)[:10]:
            detail = f"{item.get_kind_display()}, {item.get_status_display().lower()}"
            yield Found("request", (item.number,), f"Request {item.number}", detail)


def _statements(user: User, text: str) -> Iterator[Found]:
    """Lead to the page that anybody may open; whether there is such a statement is said there."""
    try:
        reference = grouped(tidy(text))
    except NotAReference:
        return
    # A long number may look like one.
    if not PLAIN.fullmatch(text):
        yield Found("statement", (reference,), f"Statement {reference}")


def _accounts(user: User, text: str) -> Iterator[Found]:
    for account in accounts.visible(user).filter(code__iexact=text):
        yield Found("account", (account.code,), f"Account {account.code}", _owner(account))


def _holdings(user: User, account: str, day: str) -> Iterator[Found]:
    """Find what an account held on a date."""
    for found in _accounts(user, account):
        try:
            moment = moments.parse(day)
        except DateError as error:
            raise CannotSearchError(str(error)) from error
        if moment:
            label = f"{found.label}, {moment.words}"
            yield Found("holdings", (*found.names, moment.query), label, found.detail)


def _facilities(user: User, text: str) -> Iterator[Found]:
    own = access.sees_only(user)
    found = Facility.objects.select_related("organisation").filter(code__iexact=text)
    for facility in found.filter(organisation_id=own) if own else found:
        yield Found("facility", (facility.code,), f"Facility {facility.code}", facility.name)


def _organisations(user: User, text: str) -> Iterator[Found]:
    if not access.may(user, access.Right.SEE_ORGANISATION):
        return
    own = access.sees_only(user)
    found = Organisation.objects.filter(code__iexact=text)
    for organisation in found.filter(id=own) if own else found:
        label = f"Organisation {organisation.code}"
        yield Found("organisation", (organisation.code,), label, organisation.name)


FINDERS: dict[str, Callable[[User, str], Iterator[Found]]] = {
    "certificate": _certificates,
    "block": _blocks,
    "transaction": _transactions,
    "request": _requests,
    "statement": _statements,
    "account": _accounts,
    "facility": _facilities,
    "organisation": _organisations,
}


def _owner(account: Account) -> str:
    return account.organisation.name if account.organisation else account.name


def _number(digits: str) -> int:
    """Return the number that grouped digits write; 0, which nothing has, if it is too large."""
    plain = re.sub("[^0-9]", "", digits)
    return int(plain) if len(plain) <= DIGITS else 0


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
