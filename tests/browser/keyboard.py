"""Somebody who has no mouse, and sees at each step where the focus is."""

import dataclasses
import re
from pathlib import Path

from playwright.sync_api import FileChooser, Locator, TimeoutError

from tests.browser.conftest import Visitor

# So many presses of Tab lead past everything on a page.
MOST = 120
# Whether the focused element is the wanted one, and whether it is seen: in the window, uncovered.
FOCUS = """(wanted) => {
  const found = document.activeElement;
  if (!found || found === document.body) return [false, true, ''];
  const box = found.getBoundingClientRect();
  const [left, top] = [Math.max(box.left, 0), Math.max(box.top, 0)];
  const [right, bottom] = [Math.min(box.right, innerWidth), Math.min(box.bottom, innerHeight)];
  const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  const seen = right - left >= 1 && bottom - top >= 1 && hit
    && (found.contains(hit) || hit.contains(found)
      || [...(found.labels || [])].some((each) => each.contains(hit)));
  return [found === wanted, Boolean(seen), found.outerHTML.slice(0, 120)];
}"""

# Whether the focus is at another answer of the same question.
GROUPED = """(wanted) => wanted.type === 'radio' && document.activeElement.type === 'radio'
  && document.activeElement.name === wanted.name"""


@dataclasses.dataclass
class Typist(Visitor):
    """One person at a keyboard; counted as all are."""

    def press(self, role: str, name: str, **options: object) -> None:
        """Go to a link or a button and press Enter."""
        self.presses += 1
        self._reach(self.page.get_by_role(role, name=name, **options).first)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.look()

    def choose(self, name: str | re.Pattern[str]) -> None:
        """Go to a group of answers and choose one of them."""
        self.presses += 1
        wanted = self.page.get_by_role("radio", name=name)
        self._reach(wanted)
        self.page.keyboard.press("Space")
        assert wanted.is_checked()

    def tick(self, name: str) -> None:
        """Go to a box and tick it."""
        self.presses += 1
        self._reach(self.page.get_by_role("checkbox", name=name).first)
        self.page.keyboard.press("Space")

    def pick(self, label: str, text: str) -> None:
        """Go to a list and type how the wanted answer begins."""
        self.presses += 1
        wanted = self.page.get_by_label(label, exact=True)
        self._reach(wanted)
        self.page.keyboard.type(text)
        assert wanted.locator("option:checked").inner_text().startswith(text)

    def fill(self, label: str, text: str) -> None:
        """Go to a field and type."""
        self.fields += 1
        self._reach(self.page.get_by_label(label, exact=True))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def attach(self, label: str, file: Path) -> None:
        """Go to a field and choose a file of one's own machine."""
        self.fields += 1
        self._reach(self.page.get_by_label(label, exact=True))
        self._opened().set_files(file)

    def _opened(self) -> FileChooser:
        """Press Enter until the chooser opens: a busy chromium now and then opens none."""
        for patience in (5_000, 10_000, 20_000):
            try:
                with self.page.expect_file_chooser(timeout=patience) as opened:
                    self.page.keyboard.press("Enter")
                return opened.value
            except TimeoutError:
                self.page.bring_to_front()
        raise AssertionError(f"{self.page.url}: no key opens the chooser of files")

    def _reach(self, wanted: Locator) -> None:
        """Press Tab until something has the focus; on the way nothing may be out of sight."""
        target = wanted.element_handle()
        assert target is not None
        inside = target.evaluate("(each) => Boolean(each.closest('main'))")
        if inside and self.page.evaluate("document.activeElement === document.body"):
            self.page.keyboard.press("Tab")
            self.page.keyboard.press("Enter")
        for _ in range(MOST):
            here, seen, what = self.page.evaluate(FOCUS, target)
            if not seen:
                self.complaints.append(f"{self.page.url}: the focus is out of sight at {what}")
            if here:
                return
            # Of a group of answers Tab leads to one only.
            self.page.keyboard.press("ArrowDown" if target.evaluate(GROUPED) else "Tab")
        self.complaints.append(f"{self.page.url}: no key leads to {wanted}")
        raise AssertionError(self.complaints)
