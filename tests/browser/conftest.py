"""A browser for each person, and what must hold on every page that one of them opens."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.http import HttpRequest, HttpResponseBase
from django.test import Client
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, Locator, Page, expect

from registry.models import User
from tests import make
from tests.browser import looking
from tests.portal.cast import Cast, assemble

WIDTHS = looking.WIDTHS
# What is to come may take its time on a busy machine; what does not come fails all the same.
TIMEOUT = 60_000
expect.set_options(timeout=TIMEOUT)


@dataclasses.dataclass
class Visitor:
    """One person at a browser, whose every press and every field is counted."""

    page: Page
    url: str
    seen: set[int] | None
    presses: int = 0
    fields: int = 0
    complaints: list[str] = dataclasses.field(default_factory=list)

    def sign_in(self, email: str, at: str = "/") -> None:
        """Come in as somebody who signed in before, and open a page; this is not counted."""
        client = Client()
        client.force_login(User.objects.get(email=email))
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.url}
        self.page.context.add_cookies([cookie])
        self.go(at)

    def type_sign_in(self, email: str) -> None:
        """Sign in with address and password; this is not counted."""
        self.go("/sign-in")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(make.PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.look()

    def go(self, path: str) -> None:
        """Open a page by its address, and look at it."""
        self.page.goto(self.url + path)
        self.look()

    def press(self, role: str, name: str, **options: object) -> None:
        """Press a link or a button, and look at the page that it leads to."""
        self.presses += 1
        self.page.get_by_role(role, name=name, **options).first.click()
        self.look()

    def choose(self, name: str | re.Pattern[str]) -> None:
        """Choose one of several answers: a press."""
        self.presses += 1
        self.page.get_by_role("radio", name=name).check()

    def tick(self, name: str) -> None:
        """Tick a box: a press."""
        self.presses += 1
        self.page.get_by_role("checkbox", name=name).first.check()

    def pick(self, label: str, text: str) -> None:
        """Pick an answer from a list by how it begins: a press."""
        self.presses += 1
        field = self.page.get_by_label(label, exact=True)
        offered = field.locator("option").all_inner_texts()
        field.select_option(label=next(each for each in offered if each.startswith(text)))

    def attach(self, label: str, file: Path) -> None:
        """Choose a file of one's own machine: a field."""
        self.fields += 1
        self.page.get_by_label(label, exact=True).set_input_files(file)

    def fill(self, label: str, text: str) -> None:
        """Fill in one field."""
        self.fields += 1
        self.page.get_by_label(label, exact=True).fill(text)

    def heading(self) -> Locator:
        """Return the heading of the page."""
        return self.page.get_by_role("heading", level=1)

    def look(self) -> None:
        """Check what must hold on every page: nothing is cut off, and everybody can use it."""
        self.page.wait_for_load_state()
        self.complaints += looking.complaints(self.page, self.seen)

    def forgive(self, *statuses: int) -> None:
        """Forget that Chromium itself reports answers with these statuses."""
        told = [f"status of {status}" for status in statuses]
        self.complaints = [
            each for each in self.complaints if not any(part in each for part in told)
        ]


class _Kept(StaticFilesHandler):
    """Serves style sheets so that a browser asks for each once."""

    def serve(self, request: HttpRequest) -> HttpResponseBase:
        """Return a file, to be kept for the time of a test."""
        answer = super().serve(request)
        answer.headers["Cache-Control"] = "max-age=600"
        return answer


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """Serve the portal, of whichever database Django is pointed to, and return its address."""
    thread = LiveServerThread("127.0.0.1", static_handler=_Kept, connections_override={})
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield f"http://{thread.host}:{thread.port}"
    thread.terminate()


@pytest.fixture
def live_url(committed_db: object, served: str) -> str:
    """Return the address of the portal, in front of the test's own database."""
    return served


@pytest.fixture(scope="session")
def shapes() -> set[int]:
    """Return the shapes of the pages that axe has looked at in this run."""
    return set()


@pytest.fixture
def cast(committed_db: object) -> Cast:
    """Everybody, with passwords."""
    return assemble(password=make.PASSWORD)


@pytest.fixture
def visit(browser: Browser, live_url: str, shapes: set[int]) -> Iterator[Callable[..., Visitor]]:
    """Open a browser for one person; in the end nobody may have had a complaint."""
    visitors: list[Visitor] = []

    def opened(*, javascript: bool = True, mode: str = "") -> Visitor:
        """Open one: ``plain`` has no JavaScript, ``keyboard`` has no mouse."""
        from tests.browser.keyboard import Typist

        kind = Typist if mode == "keyboard" else Visitor
        plain = mode == "plain" or not javascript
        visitor = open_browser(browser, live_url, shapes, javascript=not plain, kind=kind)
        visitors.append(visitor)
        return visitor

    yield opened
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.page.context.close()
    assert not complaints, "\n".join(complaints)


def open_browser(
    browser: Browser,
    url: str,
    shapes: set[int],
    *,
    javascript: bool = True,
    kind: type[Visitor] = Visitor,
) -> Visitor:
    """Open a browser that hears what its pages complain about."""
    # Colours that are still changing when they are measured would be measured wrong.
    context = browser.new_context(java_script_enabled=javascript, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    visitor = kind(context.new_page(), url, shapes if javascript else None)
    visitor.page.on("console", lambda message: _hear(visitor, message.type, message.text))
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on("request", lambda request: _follow(visitor, request.url))
    return visitor


def _hear(visitor: Visitor, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visitor.complaints.append(f"{visitor.page.url}: {text}")


def _follow(visitor: Visitor, url: str) -> None:
    if not url.startswith((visitor.url, "data:")):
        visitor.complaints.append(f"asked for {url}")
