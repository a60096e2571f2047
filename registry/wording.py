"""What a notice says: the same words on the page and in the mail. Pure but for related records."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from registry import addresses, titles
from registry.models import Notice, NoticeKind, Request, User

# The names of the ledger's refusals, with `title` and `what_to_do`.
Codes = dict[str, dict[str, Any]]
COPY = "If you still want it, copy it into a new request."


@dataclass(frozen=True)
class Telling:
    """One notice in words; ``place`` is what `registry.addresses` finds the page by."""

    title: str
    text: str
    to_do: str = ""
    place: tuple[Any, ...] = field(default=("home",))

    @property
    def address(self) -> str:
        """Return where to go."""
        return addresses.of(*self.place)


def tell(notice: Notice, codes: Codes) -> Telling:
    """Put a notice into words, as things stand now; what is done needs nothing any more."""
    telling = WORDS[NoticeKind(notice.kind)](notice, codes)
    return replace(telling, to_do="") if notice.closed_at else telling


def _request(notice: Notice) -> Request:
    if notice.request is None:
        raise ValueError(f"notice {notice.pk} names no request")
    return notice.request


def _of_request(notice: Notice, what: str, text: str, to_do: str = "") -> Telling:
    request = _request(notice)
    return Telling(
        f"Request {request.number} {what}",
        f"{titles.sentence(request)} {text}".strip(),
        to_do,
        ("request", request.number),
    )


def _submitted(notice: Notice, codes: Codes) -> Telling:
    request = _request(notice)
    asked = f"{request.submitter.name}, {request.submitter.organisation.name}, asks for it."
    if request.status != Request.Status.SUBMITTED:
        now = request.get_status_display().lower()
        return _of_request(notice, "waited for a decision", f"{asked} It is now {now}.")
    if (count := notice.facts.get("count", 1)) > 1:
        text = f"{request.submitter.name}, {request.submitter.organisation.name}, sent a list."
        return Telling(
            f"{count:,} requests wait for a decision",
            f"{text} The first is request {request.number}: {titles.sentence(request)}",
            "Review them and decide.",
            ("approval", request.number),
        )
    told = _of_request(notice, "waits for a decision", asked, "Review it and decide.")
    return replace(told, place=("approval", request.number))


def _approved(notice: Notice, codes: Codes) -> Telling:
    then = "It is executed next." if not notice.closed_at else ""
    return _of_request(notice, "was approved", f"{_decider(notice)} approved it. {then}")


def _executed(notice: Notice, codes: Codes) -> Telling:
    return _of_request(notice, "was executed", f"{_decider(notice)} approved it.")


def _moved(notice: Notice, codes: Codes) -> Telling:
    request = _request(notice)
    what = f"{notice.facts['volume']:,} {request.commodity.code}"
    if request.kind == Request.Kind.EXPIRE:
        text = "Their time was over. They can never be used again."
        return Telling(f"{what} of yours expired", text, place=("home",))
    if notice.facts["way"] == "in":
        text = f"{titles.sentence(request)} Request {request.number}."
        return Telling(f"{what} arrived", text, place=("request", request.number))
    text = f"{titles.sentence(request)} {request.organisation.name} asked for it."
    return Telling(f"{what} of yours were moved", text, place=("request", request.number))


def _rejected(notice: Notice, codes: Codes) -> Telling:
    reason = _request(notice).decision_reason
    text = f"{_decider(notice)} gave this reason: “{reason}” Nothing was written."
    return _of_request(notice, "was rejected", text, COPY)


def _failed(notice: Notice, codes: Codes) -> Telling:
    code = _request(notice).failure_code
    known = codes.get(code, {})
    why = f"It was approved, then the ledger refused it: {known.get('title', '')} ({code})"
    to_do = f"{known.get('what_to_do', '')} {COPY}".strip()
    return _of_request(notice, "failed", f"{why}. Nothing was written.", to_do)


def _withdrawn(notice: Notice, codes: Codes) -> Telling:
    return _of_request(notice, "was withdrawn", f"{notice.facts['by']} took it back.")


def _changed(notice: Notice, codes: Codes) -> Telling:
    text = "Holdings have changed: it would now take other blocks, or be refused."
    to_do = "Look at it, and withdraw it if that is not what you want."
    return _of_request(notice, "is no longer what you checked", text, to_do)


def _deadline(notice: Notice, codes: Codes) -> Telling:
    facts = notice.facts
    what = f"{facts['volume']:,} {facts['commodity']} in {facts['account']}"
    on = date.fromisoformat(facts["on"])
    day = f"{on.day} {on:%b %Y}"
    place = ("account", facts["account"])
    if facts["what"] == "transfer":
        text = f"After {day} they can be retired, and no longer transferred."
        to_do = "Transfer them before, if you mean to."
        return Telling(f"{what} can be transferred until {day}", text, to_do, place)
    text = f"After {day} they can neither be transferred nor retired."
    return Telling(f"{what} expire after {day}", text, "Retire or transfer them before.", place)


def _account(notice: Notice, codes: Codes) -> Telling:
    code, status = notice.facts["account"], notice.facts["status"]
    place = ("account", code)
    if status == "active":
        text = "Certificates may enter and leave it again."
        return Telling(f"Account {code} is open again", text, place=place)
    what = "closed" if status == "closed" else "frozen"
    text = "The registry did this. No certificate enters or leaves it until it is open again."
    return Telling(f"Account {code} was {what}", text, place=place)


def _organisation(notice: Notice, codes: Codes) -> Telling:
    name = notice.facts["organisation"]
    if notice.facts["status"] == "active":
        return Telling(f"{name} may act again", "Its people may submit requests again.")
    text = "Its people may look, and submit nothing. What it holds stays where it is."
    return Telling(f"{name} was suspended", f"The registry did this. {text}")


def _variance(notice: Notice, codes: Codes) -> Telling:
    facts = notice.facts
    text = f"{facts['author']} decided what is to become of {facts['about']}."
    if notice.closed_at:
        title = f"Decisions about {facts['source']} waited for a signature"
        return Telling(title, f"{text} Nothing waits for yours now.", place=("replay-variances",))
    title = f"Decisions about {facts['source']} wait for your signature"
    to_do = "Look at them, and sign them or send them back."
    return Telling(title, text, to_do, ("replay-variances",))


def _returned(notice: Notice, codes: Codes) -> Telling:
    facts = notice.facts
    others = facts["others"]
    more = f" and {others} other{'s' if others > 1 else ''}" if others else ""
    text = f"{facts['by']} did not sign: “{facts['reason']}”"
    title = f"Your decision about {facts['about']}{more} was sent back"
    return Telling(title, text, place=("replay-variance", facts["variance"]))


ASK = "If this is a surprise to you, tell the registry at once."


def _invited(notice: Notice, codes: Codes) -> Telling:
    person = notice.person
    text = f"You act for {person.organisation.name} as {person.get_role_display().lower()}."
    return Telling("You have access to Strata", text)


def _role(notice: Notice, codes: Codes) -> Telling:
    role = User.Role(notice.facts["role"]).label.lower()
    return Telling(f"Your role is now {role}", f"Somebody entitled to changed it. {ASK}")


def _factor(notice: Notice, codes: Codes) -> Telling:
    return Telling(f"Second factor: {notice.facts['what']}", f"This is about your sign-in. {ASK}")


def _password(notice: Notice, codes: Codes) -> Telling:
    return Telling("Your password was changed", f"Every other session was signed out. {ASK}")


WORDS: dict[NoticeKind, Callable[[Notice, Codes], Telling]] = {
    NoticeKind.SUBMITTED: _submitted,
    NoticeKind.APPROVED: _approved,
    NoticeKind.EXECUTED: _executed,
    NoticeKind.MOVED: _moved,
    NoticeKind.REJECTED: _rejected,
    NoticeKind.FAILED: _failed,
    NoticeKind.WITHDRAWN: _withdrawn,
    NoticeKind.CHANGED: _changed,
    NoticeKind.DEADLINE: _deadline,
    NoticeKind.ACCOUNT: _account,
    NoticeKind.VARIANCE: _variance,
    NoticeKind.RETURNED: _returned,
    NoticeKind.ORGANISATION: _organisation,
    NoticeKind.INVITED: _invited,
    NoticeKind.ROLE: _role,
    NoticeKind.FACTOR: _factor,
    NoticeKind.PASSWORD: _password,
}


def _decider(notice: Notice) -> str:
    approver = _request(notice).approver
    return approver.name if approver else "The registry"
