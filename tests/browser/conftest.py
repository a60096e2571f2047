"""A browser for each person, and what must hold on every page that one of them opens."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests import make
from tests.portal.cast import Cast, assemble

WIDTHS = (1360, 320)
# What is to come may take its time on a busy machine; what does not come fails all the same.
expect.set_options(timeout=30_000)


@dataclasses.dataclass
class Visitor:
    """One person at a browser, who counts every press and every field."""

    page: Page
    url: str
    checks: bool
    presses: int = 0
    fields: int = 0
    complaints: list[str] = dataclasses.field(default_factory=list)

    def sign_in(self, email: str) -> None:
        """Sign in; this is not counted."""
        self.page.goto(f"{self.url}/sign-in")
        self.look()
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(make.PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.look()

    def press(self, role: str, name: str, **options: object) -> None:
        """Press a link or a button, and look at the page that it leads to."""
        self.presses += 1
        self.page.get_by_role(role, name=name, **options).first.click()
        self.look()

    def fill(self, label: str, text: str) -> None:
        """Fill in one field."""
        self.fields += 1
        self.page.get_by_label(label, exact=True).fill(text)

    def look(self) -> None:
        """Check what must hold on every page: nothing is cut off, and everybody can use it."""
        self.page.wait_for_load_state()
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            wider = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wider > 0:
                self.complaints.append(f"{self.page.url}: {wider} px too wide at {width}")
            if self.checks:
                self._axe(width)
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})

    def _axe(self, width: int) -> None:
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            for found in Axe().run(self.page).response["violations"]:
                places = [node["html"] for node in found["nodes"]]
                self.complaints.append(f"{self.page.url} {scheme} {width}: {found['id']} {places}")


@pytest.fixture
def cast(committed_db: object) -> Cast:
    """Everybody, with passwords."""
    return assemble(password=make.PASSWORD)


@pytest.fixture
def visit(browser: Browser, live_url: str) -> Iterator[Callable[..., Visitor]]:
    """Open a browser for one person; in the end nobody may have had a complaint."""
    visitors: list[Visitor] = []

    def opened(*, javascript: bool = True) -> Visitor:
        # Colours that are still changing when they are measured would be measured wrong.
        context = browser.new_context(java_script_enabled=javascript, reduced_motion="reduce")
        page = context.new_page()
        visitor = Visitor(page, live_url, checks=javascript)
        page.on("console", lambda message: _hear(visitor, message.type, message.text))
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        page.on("request", lambda request: _follow(visitor, request.url))
        visitors.append(visitor)
        return visitor

    yield opened
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.page.context.close()
    assert complaints == []


def _hear(visitor: Visitor, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visitor.complaints.append(f"{visitor.page.url}: {text}")


def _follow(visitor: Visitor, url: str) -> None:
    if not url.startswith((visitor.url, "data:")):
        visitor.complaints.append(f"asked for {url}")
