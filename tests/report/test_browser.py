"""The page in a browser: no errors, nothing fetched, filters and charts work, and it fits a phone."""

import pytest

from star.report import write_report
from tests.browser import Browser, chromium
from tests.report.made_up import make_run

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium")

VISIBLE = "[...document.querySelectorAll('#specimens tbody tr')].filter(row => row.offsetParent).length"
COUNT = "document.getElementById('count').textContent"
TIP = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent"

NEXT_FRAME = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of the page of a run full of harm."""
    folder = make_run(tmp_path_factory.mktemp("runs") / "hostile", hostile=True, collapse=True)
    return write_report(folder, pictures=False).as_uri()


def choose(browser, name, value):
    """Set a filter as a person would."""
    field = f"document.querySelector('#filters [name={name}]')"
    browser.run(f"{field}.value = {value!r}; {field}.dispatchEvent(new Event('input', {{bubbles: true}}))")


def test_it_opens_without_errors_and_fetches_nothing(browser, page):
    browser.open(page)
    assert browser.trouble() == []
    assert browser.run("document.title") == "hostile · STaR"
    assert browser.run("document.querySelectorAll('script, style').length") == 2
    assert browser.run("document.querySelectorAll('img, iframe, [onerror]').length") == 0
    assert browser.run("getComputedStyle(document.querySelector('.chart path[stroke^=var]')).stroke").startswith("rgb")


def test_filters_show_what_they_say_and_are_kept_in_the_address(browser, page):
    browser.open(page)
    assert browser.run(VISIBLE) == 25
    assert browser.run(COUNT) == "42 of 42 rationales, 25 shown"
    choose(browser, "kind", "forgotten")
    choose(browser, "iteration", "2")
    assert (browser.run(VISIBLE), browser.run(COUNT)) == (2, "2 of 42 rationales, 2 shown")
    assert browser.run("location.hash") == "#iteration=2&kind=forgotten"
    browser.open(f"{page}#iteration=2&kind=forgotten&text=RIGHT+TO")
    assert browser.run(VISIBLE) == int("right to left" in browser.run("document.querySelector('#specimens').innerText"))
    browser.run("document.getElementById('clear').click()")
    assert browser.run(COUNT) == "42 of 42 rationales, 25 shown"
    browser.run("document.getElementById('more').click()")
    assert browser.run(VISIBLE) == 42
    choose(browser, "text", "no such text")
    assert browser.run(VISIBLE) == 0
    assert browser.trouble() == []


def test_the_exact_prompt_is_put_together_when_somebody_asks(browser, page):
    browser.open(page)
    prompt = "document.querySelector('#specimens .prompt').textContent"
    assert "10 plus 10" not in browser.run(prompt)
    browser.run("document.querySelector('#specimens details').open = true")
    browser.run(NEXT_FRAME)
    assert browser.run(prompt).startswith("Q: What is 10 + 10?\nA: 10 plus 10 is 20.")


def test_charts_tell_their_values_to_mouse_and_keyboard(browser, page):
    browser.open(page)
    browser.run("document.querySelector('svg .mark').scrollIntoView({block: 'center'})")
    browser.run(NEXT_FRAME)  # scrolling hides what is told
    box = browser.run("document.querySelector('svg .mark').getBoundingClientRect().toJSON()")
    browser.point(box["x"] + 3, box["y"] + 20)  # near it
    assert browser.run(TIP).startswith("zero-shot, base model: 20.0% (95% interval ")
    browser.point(1, 1)
    assert browser.run(TIP) == ""
    assert browser.run("document.querySelectorAll('svg')[0].querySelectorAll('[tabindex=\"0\"]').length") == 1
    browser.run("document.querySelector('svg .mark').focus()")
    browser.press("ArrowRight")
    assert browser.run(TIP).startswith("zero-shot, iteration 1: ")
    assert browser.run("document.activeElement.getAttribute('aria-label')") == browser.run(TIP)
    browser.press("End")
    assert browser.run(TIP).startswith("zero-shot, iteration 3: ")
    browser.press("Escape")
    assert browser.run(TIP) == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_is_legible_in_both_themes(browser, page, theme):
    browser.open(page, width=360, theme=theme)
    assert browser.run("document.documentElement.scrollWidth") <= 360
    heights = "[...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().height)"
    assert min(height for height in browser.run(heights) if height) > 9
    colors = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    ink, paper = ([int(part) for part in color[4:-1].split(",")] for color in browser.run(colors))
    assert (sum(ink) > sum(paper)) == (theme == "dark")
    assert abs(sum(ink) - sum(paper)) > 500
    assert browser.trouble() == []
