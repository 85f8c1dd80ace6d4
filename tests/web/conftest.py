"""A real browser in front of a real Berth, which is in front of the embedded NetBox."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright

from app.emulator import SEED_TOKEN, create_app, running
from tests.end_to_end.program import Desk, Program, berth

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "demo"
PICTURES = Path(os.environ.get("BERTH_TEST_PICTURES", "var/web-pictures"))
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _chromium() -> str:
    """Return where Debian's browser is. CI has to have it."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing: apt-get install chromium")
        pytest.skip("chromium is missing: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Berth as a process, with the demonstration's policy and its inventory."""
    folder = tmp_path_factory.mktemp("web")
    with running(create_app(str(folder / "netbox.db"), seed=True), 0) as netbox:
        served = berth(
            folder / "berth",
            netbox,
            SEED_TOKEN,
            token=TOKEN,
            owner="demo",
            policy_file="app/demo/policy.yaml",
        )
        served.start()
        yield served
        served.stop_if_running()


@pytest.fixture(scope="session")
def api(program: Program) -> Desk:
    """The same Berth, by its API."""
    return Desk(program.url, TOKEN)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One chromium for all tests; each has a profile of its own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Visitor:
    """Somebody in front of a browser."""

    context: BrowserContext
    page: Page
    url: str
    problems: list[str]

    def dismiss(self, dialog: Dialog) -> None:
        """Close what a script has opened, which no page of Berth's does."""
        self.problems.append(dialog.message)
        dialog.dismiss()

    def go(self, path: str) -> Page:
        """Open a page by its address."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    def sign_in(self, token: str = TOKEN) -> None:
        """Sign in, from wherever the visitor is."""
        self.page.fill("#token", token)
        self.page.click("button.main")

    def check(self) -> None:
        """Fail if axe-core finds anything, or the page is wider than the window."""
        self.page.evaluate(AXE)
        result: dict[str, Any] = self.page.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
        )
        found = [
            f"{each['id']}: {node['html']} {node['failureSummary']}"
            for each in result["violations"]
            for node in each["nodes"]
        ]
        assert found == [], f"{self.page.url}\n" + "\n".join(found)
        assert len(result["passes"]) > 10
        wider = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{self.page.url} is {wider} px wider than the window"

    def picture(self, name: str) -> None:
        """Write down what the page looks like."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


class Visitors:
    """Lets visitors in, each with a browser as they have it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url, self.let_in = browser, url, list[Visitor]()

    def __call__(self, *, script: bool = True, width: int = 1280, dark: bool = False, **more: Any) -> Visitor:  # noqa: ANN401
        """Open a browser; whatever its console complains about is a problem."""
        context = self.browser.new_context(
            java_script_enabled=script,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            **more,
        )
        page = context.new_page()
        visitor = Visitor(context, page, self.url, [])
        page.on("pageerror", lambda error: visitor.problems.append(str(error)))
        page.on("dialog", visitor.dismiss)
        page.on("console", lambda said: visitor.problems.extend([said.text] if _is_bad(said.text) else []))
        self.let_in.append(visitor)
        return visitor


def _is_bad(text: str) -> bool:
    return "Content Security Policy" in text or "Refused to" in text or "Uncaught" in text


@pytest.fixture
def visitors(browser: Browser, program: Program) -> Iterator[Visitors]:
    """Whoever comes to Berth's pages; none of them may see a script blocked or failing."""
    made = Visitors(browser, program.url)
    yield made
    for visitor in made.let_in:
        visitor.context.close()
        assert visitor.problems == []


@pytest.fixture
def visitor(visitors: Visitors) -> Visitor:
    """Somebody who is signed in."""
    return signed_in(visitors())


def signed_in(visitor: Visitor) -> Visitor:
    """Sign a visitor in."""
    visitor.go("/sign-in")
    visitor.sign_in()
    return visitor


@pytest.fixture
def name() -> str:
    """A name that keeps to the convention and that nobody has."""
    return f"web-01-{uuid4().hex[:10]}.spaceships.work"
