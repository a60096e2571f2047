"""What must hold on every page that somebody opens, asked of the page itself."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WIDTHS = (1360, 320)
SCHEMES = ("light", "dark")

# Kinds of elements, each once: their place, classes, attributes, and whether they say anything.
SHAPE = """() => {
  const kinds = new Set();
  const names = (e) => [...e.attributes].map((a) => /^(class|role|type|aria-.*)$/.test(a.name)
    && !/-(labelledby|describedby|controls|label)$/.test(a.name) ? a.name + a.value : a.name);
  const walk = (e, above) => {
    const here = above + '>' + e.tagName + names(e).sort() + (e.textContent.trim() ? '' : '-');
    kinds.add(here);
    for (const child of e.children) walk(child, here.slice(-900));
  };
  walk(document.documentElement, '');
  const order = [...document.querySelectorAll('h1,h2,h3,h4,main,nav,header')];
  return [...kinds].sort().join('') + order.map((e) => e.tagName);
}"""
# Which of the two places a script of the page could keep something in.
KEPT = """() => document.scripts.length ? ['localStorage', 'sessionStorage'].filter((name) => {
  try { return window[name] } catch { return false } }).join() : ''"""
RUN = """(options) => axe.run(options).then(
  (found) => found.violations.map((each) => [each.id, each.nodes.map((node) => node.html)]))"""
EVERYTHING = {"resultTypes": ["violations"], "preload": False}
# Of axe's rules these alone depend on the colour scheme.
COLOURS = {
    **EVERYTHING,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


def complaints(page: Page, seen: set[int] | None) -> list[str]:
    """
    Say what is wrong with a page: at both widths, in both colour schemes.

    :param seen: the shapes of pages that need no other look by axe; None leaves axe out
    """
    found: list[str] = []
    if seen is not None and (kept := page.evaluate(KEPT)):
        found.append(f"{page.url}: {kept} is open to scripts")
    shape = hash(page.evaluate(SHAPE)) if seen is not None else 0
    needs_axe = seen is not None and shape not in seen
    if needs_axe:
        seen.add(shape)
        page.evaluate(AXE_SCRIPT)
    for width in reversed(WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            found.append(f"{page.url}: {wider} px too wide at {width}")
        if needs_axe:
            found += _by_axe(page, width)
    return found


def _by_axe(page: Page, width: int) -> list[str]:
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        rules = EVERYTHING if scheme == "light" else COLOURS
        for rule, places in page.evaluate(RUN, rules):
            found.append(f"{page.url} {scheme} {width}: {rule} {places}")
    page.emulate_media(color_scheme="light")
    return found
