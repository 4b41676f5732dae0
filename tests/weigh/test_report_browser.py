"""The report in a real browser: nothing runs that should not, nothing is asked for, and its controls work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect
from weighings import BASE, ENGINES, build, with_answer

from weighbridge.weigh.report import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
PAYLOAD = (
    "<script>window.owned=1</script></script><script>window.owned=2</script>"
    "<img src='http://127.0.0.1:9/x.png' onerror='window.owned=3'><style>*{display:none}</style><!--"
    '<a href="javascript:window.owned=4">x</a>\u202eevil\x00\ud800'
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The sandbox needs rights that a container's root does not have; the page is our own file.
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


class Opened:
    """A report in a tab, with all that it asked for and complained about."""

    def __init__(self, browser: Browser, file: Path, weighing, *, fragment: str = "", **options) -> None:
        file.write_text(render(weighing), "utf-8")
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page: Page = browser.new_page(**options)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.url = file.as_uri()
        self.page.goto(self.url + fragment)

    def ids(self) -> list[str]:
        return self.page.locator(".sid").all_inner_texts()

    def close(self) -> None:
        """The tab ends, having asked for its own file alone and said nothing."""
        self.page.close()
        outside = [url for url in self.asked if not url.startswith((self.url, "data:"))]
        assert outside == []
        assert self.said == []


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    opened: list[Opened] = []

    def show(weighing, **options) -> Opened:
        opened.append(Opened(browser, tmp_path / "report.html", weighing, **options))
        return opened[-1]

    yield show
    for each in opened:
        each.close()


def test_hostile_answers_ids_and_names_are_shown_and_do_nothing(open_report):
    weighing = with_answer(build(), BASE, 0, PAYLOAD)
    samples = (replace(weighing.samples[0], id=PAYLOAD, category=PAYLOAD, target=PAYLOAD), *weighing.samples[1:])
    results = {e: (replace(r[0], sample=PAYLOAD), *r[1:]) for e, r in weighing.results.items()}
    cards = (replace(weighing.scorecards[0], title=PAYLOAD), *weighing.scorecards[1:])
    page = open_report(replace(weighing, samples=samples, results=results, scorecards=cards, suite=PAYLOAD)).page
    page.locator(".head").first.click()
    answer = page.locator(".answers article").first.locator("pre").first
    assert "<script>window.owned=1</script>" in answer.inner_text()
    assert "\u27e8U+202E\u27e9evil\u2400\u27e8U+D800\u27e9" in answer.inner_text()
    assert page.evaluate("window.owned") is None
    assert page.locator("img").count() == 0
    assert page.locator("main a[href^='javascript']").count() == 0
    assert page.locator("script").count() <= 3


def test_the_policy_stops_what_the_escaping_would_let_through(browser, tmp_path):
    report = Opened(browser, tmp_path / "report.html", build())
    report.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.owned = 1";
            document.body.append(script);
            const image = document.createElement("img");
            image.src = "http://127.0.0.1:9/x.png";
            document.body.append(image);
            return fetch("http://127.0.0.1:9/").catch(() => null);
        }"""
    )
    assert report.page.evaluate("window.owned") is None
    assert len([line for line in report.said if "Content Security Policy" in line]) >= 3
    report.page.close()


def test_the_filters_narrow_and_clear(open_report):
    weighing = build()
    report = open_report(weighing)
    page = report.page
    assert len(report.ids()) == 50
    assert page.locator("#count").inner_text() == "60 samples"
    page.select_option("#f-category", label="json")
    assert report.ids() == [s.id for s in weighing.samples if s.category == "json"]
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".head")).to_have_count(50)

    scores = {e: [r.score for r in found] for e, found in weighing.results.items()}
    pairs = list(zip(*scores.values(), strict=True))
    page.select_option("#f-show", "disagree")
    assert f"{sum(len(set(p)) > 1 for p in pairs)} of 60" in page.locator("#count").inner_text()
    page.select_option("#f-show", "failures")
    assert f"{sum(min(p) < 1 for p in pairs)} of 60" in page.locator("#count").inner_text()
    page.select_option("#f-show", "lost-2")
    lost = [s.id for s, p in zip(weighing.samples, pairs, strict=True) if p[0] == 1 and p[2] < 1]
    assert report.ids() == lost
    page.select_option("#f-show", "errors")
    failed = [s.id for s, r in zip(weighing.samples, weighing.results[ENGINES[2]], strict=True) if r.error]
    assert report.ids() == failed

    page.select_option("#f-show", "all")
    page.fill("#f-text", "HOUSE 1905")
    assert report.ids() == ["refusal-05"]
    page.fill("#f-text", "no such words")
    assert page.locator("#count").inner_text() == "No sample fits, of 60."


def test_a_sample_has_an_address(open_report):
    weighing = build(120)
    odd = replace(weighing.samples[110], id="a b/ü#1?%")
    samples = (*weighing.samples[:110], odd, *weighing.samples[111:])
    report = open_report(replace(weighing, samples=samples, results={}), fragment="#s-a%20b%2F%C3%BC%231%3F%25")
    page = report.page
    head = page.locator(".head[aria-expanded=true]")
    assert head.locator(".sid").inner_text() == "a b/ü#1?%"
    assert page.locator("#where").inner_text() == "101\u2013120 of 120"
    assert page.evaluate("document.activeElement.classList.contains('head')")
    page.select_option("#f-category", label="json")
    page.evaluate("location.hash = '#s-extraction-00'")
    expect(page.locator(".head[aria-expanded=true] .sid").first).to_have_text("extraction-00")
    assert page.input_value("#f-category") == "All categories"
    page.evaluate("location.hash = '#s-%'")  # no valid address: nothing happens, nothing is said


def test_it_can_be_read_with_the_keyboard_alone(open_report):
    report = open_report(build())
    page = report.page
    page.locator("#f-text").focus()
    page.keyboard.press("Tab")  # the button that clears
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    opened = page.locator(".head[aria-expanded=true] .sid")
    assert opened.inner_text() == report.ids()[1]
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.querySelector('.sid').textContent") == report.ids()[-1]
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    assert page.locator("#where").inner_text() == "51\u201360 of 60"
    assert page.locator("#next").is_disabled()


@pytest.mark.parametrize("width", [320, 390, 1180])
def test_no_width_makes_the_page_scroll_sideways(open_report, width):
    weighing = with_answer(build(prices=(0.4, 0.3, 1.9)), BASE, 0, "wide" * 5000)
    page = open_report(weighing, viewport={"width": width, "height": 800}).page
    page.locator(".head").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(open_report, scheme):
    page = open_report(build(prices=(0.4, 0.3, None)), color_scheme=scheme).page
    page.locator(".head").first.click()
    poor = page.evaluate(
        """() => {
            const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
            const light = ([r, g, b]) => {
                const f = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
                return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
            };
            const back = (node) => {
                for (let at = node; at; at = at.parentElement) {
                    const found = rgb(getComputedStyle(at).backgroundColor);
                    if (found.length < 4 || found[3] > 0) return found;
                }
                return [255, 255, 255];
            };
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const poor = [];
            while (walker.nextNode()) {
                const node = walker.currentNode.parentElement;
                if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
                if (["SCRIPT", "OPTION", "BUTTON"].includes(node.tagName)) continue;
                const style = getComputedStyle(node);
                const [a, b] = [light(rgb(node.closest("svg") ? style.fill : style.color)), light(back(node))];
                if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) poor.push(node.className + ": " + node.textContent);
            }
            return poor;
        }"""
    )
    assert poor == []


def test_it_prints(open_report):
    page = open_report(build()).page
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_thousands_of_samples_open_at_once(open_report):
    report = open_report(build(3000))
    assert report.page.locator(".head").count() == 50
    assert report.page.locator("#count").inner_text() == "1,000 samples"
    assert "2,000 are not" in report.page.locator("#left-out").inner_text()
