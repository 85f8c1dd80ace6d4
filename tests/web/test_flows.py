"""What people do with the pages, with JavaScript and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import expect

from tests.web.conftest import signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.end_to_end.program import Desk, Program
    from tests.web.conftest import Visitor, Visitors

pytestmark = pytest.mark.web
PREFIX = "192.168.3.0/24"
EITHER = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
INLINE = """[...document.querySelectorAll("*")].filter(each => each.tagName === "STYLE"
  || (each.tagName === "SCRIPT" && !each.getAttribute("src").startsWith("/static/"))
  || [...each.attributes].some(one => one.name === "style" || one.name.startsWith("on")))
  .map(each => each.outerHTML)"""
ATTACK = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"


def _held(api: Desk, name: str) -> list[str]:
    found = api.list("allocations", dns_name=name).json()["items"]
    return [item["ip"] for item in found]


def _audited(api: Desk, key: str) -> list[tuple[str, str]]:
    return [(each["event"], each["action"]) for each in api.list("audit", key=key).json()["items"]]


def _key(page: Page) -> str:
    return page.input_value("input[name=key]")


@EITHER
def test_a_stranger_gets_an_address(visitors: Visitors, api: Desk, name: str, script: bool) -> None:
    """From the first page to the address, in four steps, and every word of it is there to be copied."""
    visitor = visitors(script=script)
    page = visitor.go("/")
    visitor.sign_in()
    page.click(f"a.card:has-text('{PREFIX}')")
    page.fill("#dns_name", name)
    page.fill("#description", "Dashboards")
    page.click("button.main")
    expect(page.locator(".notice.good")).to_contain_text("It is yours")
    [address] = _held(api, name)
    assert page.inner_text("#address") == address
    assert page.inner_text("#gateway") == "192.168.3.1"
    assert page.inner_text("#servers") == "192.168.3.1"
    for snippet in ("terraform", "curl", "cloud-init"):
        assert (name if snippet != "cloud-init" else address) in (
            page.text_content(f"#snippet-{snippet}") or ""
        )


@EITHER
def test_a_preview_makes_nothing(visitors: Visitors, api: Desk, name: str, script: bool) -> None:
    """It says which address it will probably be, and keeps what was typed."""
    visitor = signed_in(visitors(script=script))
    page = visitor.go(f"/request?prefix={quote(PREFIX)}&dns_name={name}&description=kept")
    page.click("button[value=preview]")
    expect(page.locator(".notice.good")).to_contain_text("192.168.3.")
    assert page.input_value("#description") == "kept"
    assert _held(api, name) == []


def test_a_name_is_checked_while_it_is_typed(visitor: Visitor) -> None:
    """Every violation in words, and the next free number to take with one click."""
    page = visitor.go(f"/request?prefix={quote(PREFIX)}")
    page.locator("#dns_name").press_sequentially("Nexus.spaceships.work")
    expect(page.locator("#name-report .wrong")).to_contain_text("service, number, purpose")
    page.fill("#dns_name", "")
    page.locator("#dns_name").press_sequentially("docker-02-live.spaceships.work")
    expect(page.locator("#name-report .right")).to_be_visible()
    page.click("#name-report button.link")
    expect(page.locator("#dns_name")).to_have_value("docker-01-live.spaceships.work")


def test_a_name_is_checked_without_javascript_too(visitors: Visitors) -> None:
    """There is a button for it."""
    page = signed_in(visitors(script=False)).go(
        f"/request?prefix={quote(PREFIX)}&dns_name=Nexus.spaceships.work"
    )
    page.click("button[value=check]")
    assert "service, number, purpose" in page.inner_text("#name-report .wrong")


@EITHER
def test_a_refusal_stands_beside_its_field(visitors: Visitors, api: Desk, script: bool) -> None:
    """In the words of the API's problem document; and it is in the audit log."""
    page = signed_in(visitors(script=script)).go(
        f"/request?prefix={quote(PREFIX)}&dns_name=Bad_Name.spaceships.work"
    )
    key = _key(page)
    page.click("button.main")
    body = {"prefix": PREFIX, "dns_name": "Bad_Name.spaceships.work"}
    details = [each["detail"] for each in api.post(body).json()["errors"]]
    assert page.locator("#dns_name-wrong li").all_inner_texts() == details
    assert page.input_value("#dns_name") == "Bad_Name.spaceships.work"
    assert _audited(api, key) == [("denied", "allocate")]


def test_a_double_click_is_a_repeat(visitor: Visitor, api: Desk, name: str) -> None:
    """Two submissions of one form make one address."""
    page = visitor.go(f"/request?prefix={quote(PREFIX)}&dns_name={name}")
    key = _key(page)
    page.dblclick("button.main")
    expect(page.locator(".notice")).to_be_visible()
    assert len(_held(api, name)) == 1
    assert page.url.partition("?")[0].endswith(f"/allocations/{key}")
    page.reload()
    assert len(_held(api, name)) == 1


@EITHER
def test_going_back_and_sending_again_is_a_repeat(
    visitors: Visitors, api: Desk, name: str, script: bool
) -> None:
    """The form that the browser shows again has the key that it had."""
    page = signed_in(visitors(script=script)).go(f"/request?prefix={quote(PREFIX)}")
    page.fill("#dns_name", name)
    page.click("button.main")
    page.wait_for_url("**/allocations/**")
    shown = page.inner_text("#address")
    page.go_back()
    page.fill("#dns_name", name)
    page.click("button.main")
    page.wait_for_url("**/allocations/**")
    assert "sent before" in page.inner_text(".notice")
    assert _held(api, name) == [shown]


@EITHER
def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(
    visitors: Visitors, api: Desk, name: str, script: bool
) -> None:
    """After the sign-in the form is there as it was typed, with the key that it had."""
    visitor = signed_in(visitors(script=script))
    page = visitor.go(f"/request?prefix={quote(PREFIX)}")
    key = _key(page)
    page.fill("#dns_name", name)
    page.fill("#description", "a & b = c?")
    visitor.context.clear_cookies()
    page.click("button.main")
    page.wait_for_selector("#token")
    visitor.sign_in()
    page.wait_for_selector("#description")
    assert page.input_value("#dns_name") == name
    assert page.input_value("#description") == "a & b = c?"
    assert _key(page) == key
    assert _held(api, name) == []
    page.click("button.main")
    page.wait_for_url("**/allocations/**")
    assert len(_held(api, name)) == 1


def test_a_deep_link_fills_the_form_in(visitors: Visitors, name: str) -> None:
    """Also for who has to sign in first: a portal needs no API at all."""
    visitor = visitors()
    page = visitor.go(
        f"/request?prefix={quote(PREFIX)}&dns_name={name}&reference=RITM0012345&tags=production"
    )
    visitor.sign_in()
    page.wait_for_selector("#dns_name")
    assert page.input_value("#dns_name") == name
    assert page.input_value("#reference") == "RITM0012345"
    assert page.input_value("#tags") == "production"
    assert PREFIX in page.inner_text(".chosen")


@EITHER
def test_an_allocation_is_found_and_released_after_a_question(
    visitors: Visitors, api: Desk, name: str, script: bool
) -> None:
    """By name, by address, by MAC address and by key; the audit log has its history."""
    mac = "52:54:00:12:34:56"
    made = api.made({"prefix": PREFIX, "dns_name": name, "key": f"key-of-{name}", "mac_address": mac})
    page = signed_in(visitors(script=script)).go("/allocations")
    for word in (name, made["ip"], made["key"], mac.upper().replace(":", "-")):
        page.fill("#q", word)
        page.click("form.search button")
        expect(page.locator("#found")).to_contain_text(name)
        assert page.locator("#found tbody tr").count() == 1
    page.click("#found tbody a")
    assert page.locator(".events .outcome").count() == 1
    page.click("text=Release…")
    assert _held(api, name) == [made["ip"]]
    page.click("text=Release it")
    expect(page.locator(".notice.good")).to_contain_text("Released")
    assert _held(api, name) == []


@EITHER
def test_a_machine_is_registered_and_retired(visitors: Visitors, api: Desk, name: str, script: bool) -> None:
    """With two interfaces, of which the second has an address; the form grows by a button."""
    host = name.partition(".")[0]
    page = signed_in(visitors(script=script)).go("/machines/new")
    key = _key(page)
    page.fill("#name", host)
    page.fill("#cluster", "matrix")
    page.fill("#interfaces-0-name", "eth0")
    page.click("text=Add an interface")
    assert page.input_value("#name") == host
    page.fill("#interfaces-1-name", "eth1")
    page.fill("#interfaces-1-addresses-0-prefix", "nonsense")
    page.click("button.main")
    assert "prefix" in page.inner_text("#interfaces-1-addresses-0-prefix-wrong")
    page.fill("#interfaces-1-addresses-0-prefix", PREFIX)
    page.fill("#interfaces-1-addresses-0-dns_name", name)
    page.click("button[value=preview]")
    expect(page.locator(".notice.good")).to_contain_text("probably")
    page.click("button.main")
    expect(page.locator(".notice.good")).to_contain_text("It is registered")
    machine = api.list(f"virtual-machines/{key}").json()
    assert [each["name"] for each in machine["interfaces"]] == ["eth0", "eth1"]
    assert page.inner_text("#ip4") == machine["primary_ip4"]
    page.click("text=Retire…")
    page.click("text=Retire it")
    expect(page.locator(".notice.good")).to_contain_text("Retired")
    assert api.list(f"virtual-machines/{key}").status_code == 404


def test_prefixes_are_searched_while_one_types(visitor: Visitor) -> None:
    """The page is not loaded again."""
    page = visitor.go("/request")
    page.locator("#q").press_sequentially("Laboratory")
    expect(page.locator("#found a.card")).to_have_count(1)
    expect(page.locator("#found a.card")).to_contain_text("192.168.4.0/24")


def test_the_map_of_a_prefix_shows_every_address(visitor: Visitor, api: Desk, name: str) -> None:
    """256 of them, and whose each is."""
    ip = api.made({"prefix": "192.168.4.0/24", "dns_name": name})["ip"]
    page = visitor.go("/prefixes")
    page.click("a.card:has-text('192.168.4.0/24')")
    page.wait_for_selector(".map")
    assert page.locator(".map .cell").count() == 256
    assert page.locator(f".map .ours[title^='{ip} ']").count() == 1
    assert page.locator(".map .reserved").get_attribute("title") == "192.168.4.1 reserved Gateway"
    page.click(f".map .ours[title^='{ip} ']")
    assert page.inner_text("#address") == ip


def test_the_audit_is_filtered_by_what_and_when(visitor: Visitor, api: Desk, name: str) -> None:
    """The newest line first."""
    api.made({"prefix": PREFIX, "dns_name": name})
    page = visitor.go(f"/audit?name={name}")
    assert page.locator(".events tbody .word").all_inner_texts() == ["outcome", "intent"]
    page = visitor.go(f"/audit?name={name}&event=intent&since=2020-01-01T00:00")
    assert page.locator(".events tbody .word").all_inner_texts() == ["intent"]
    page = visitor.go(f"/audit?name={name}&until=2020-01-01T00:00")
    assert page.locator(".events tbody .word").all_inner_texts() == []
    page = visitor.go("/audit?since=yesterday")
    assert "2026-01-31T09:30" in page.inner_text(".notice.bad")


def test_the_status_says_how_netbox_is(visitor: Visitor) -> None:
    """What an operator looks at first."""
    rows = visitor.go("/status").locator(".vitals tbody tr").all_inner_texts()
    said = {row.partition("\t")[0]: row.partition("\t")[2] for row in rows}
    assert "reachable" in said["NetBox"]
    assert re.search(r"\d+ ms", said["NetBox latency"])
    assert "closed" in said["Circuit breaker"]
    assert "writable" in said["Ledger"]
    assert {"NetBox version", "Queue of allocations", "Batches", "Audit chain"} <= set(said)


def test_keys_alone_are_enough(visitors: Visitors, api: Desk, name: str) -> None:
    """Sign in, choose, fill in and send without touching the mouse; the skip link leads to the content."""
    visitor = visitors()
    page = visitor.go("/request")
    page.keyboard.type("demo")
    page.keyboard.press("Enter")
    page.wait_for_selector("#q")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if PREFIX in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#dns_name")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_url("**/allocations/**")
    assert len(_held(api, name)) == 1


def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    """The pages ask for a token again."""
    page = visitor.page
    page.click("text=Sign out")
    page.wait_for_selector("#token")
    assert visitor.context.cookies() == []
    assert "/sign-in?next=" in visitor.go("/allocations").url


def test_a_wrong_token_is_refused_in_words(visitors: Visitors) -> None:
    """And nothing is set in the browser."""
    visitor = visitors()
    visitor.go("/sign-in")
    visitor.sign_in("wrong")
    assert "not known" in visitor.page.inner_text("#token-wrong")
    assert visitor.context.cookies() == []


@EITHER
def test_no_field_can_write_into_the_page(visitors: Visitors, api: Desk, name: str, script: bool) -> None:
    """Markup that is typed, linked to, or stored in NetBox is shown as text; nothing of it runs."""
    visitor = signed_in(visitors(script=script))
    bad = quote(ATTACK)
    named = "&".join(
        f"{field}={bad}"
        for field in ("dns_name", "description", "tenant", "tags", "mac_address", "reference", "key")
    )
    made = api.made(
        {"prefix": PREFIX, "dns_name": name, "description": ATTACK[:190], "reference": ATTACK[:190]}
    )
    machine = "&".join(
        f"{field}={bad}"
        for field in (
            *("name", "cluster", "role", "platform", "tenant", "status", "description", "tags", "vcpus"),
            *("interfaces-0-name", "interfaces-0-mac_address", "interfaces-0-addresses-0-dns_name"),
        )
    )
    for path in (
        f"/request?prefix={quote(PREFIX)}&{named}",
        f"/request?prefix={bad}&{named}",
        f"/request?q={bad}",
        f"/machines/new?{machine}",
        f"/allocations?q={bad}&owner={bad}&released={bad}",
        f"/allocations/{bad}",
        f"/allocations/{made['key']}",
        f"/allocations/{made['key']}/release",
        f"/machines?q={bad}&released={bad}",
        f"/prefixes?q={bad}",
        f"/prefixes/{bad}",
        f"/audit?owner={bad}&name={bad}&since={bad}",
        f"/sign-in?next={bad}",
    ):
        page = visitor.go(path)
        _nothing_got_in(page, path)
        if page.locator("button[value=make].main").count():
            page.click("button[value=make].main")
            page.wait_for_load_state()
            _nothing_got_in(page, path)
    assert visitor.problems == []


def _nothing_got_in(page: Page, path: str) -> None:
    assert page.locator("img[src=x]").count() == 0, path
    assert page.locator("script:not([src])").count() == 0, path


def test_every_page_carries_its_headers(program: Program, visitor: Visitor) -> None:
    """No script, style or frame but Berth's own; the cookie is out of reach of scripts."""
    [cookie] = visitor.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    jar = {cookie["name"]: cookie["value"]}
    for path in ("/sign-in", "/request", "/allocations", "/prefixes", "/audit", "/status", "/machines/new"):
        answer = requests.get(f"{program.url}{path}", cookies=jar, timeout=30)
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        inline = visitor.go(path).evaluate(INLINE)
        assert inline == [], path


def test_a_form_from_elsewhere_does_nothing(program: Program, visitor: Visitor, api: Desk, name: str) -> None:
    """Neither with the origin of another site, nor without the stamp of the session."""
    [cookie] = visitor.context.cookies()
    jar = {cookie["name"]: cookie["value"]}
    page = visitor.go(f"/request?prefix={quote(PREFIX)}")
    fields = {name_: page.input_value(f"input[name={name_}]") for name_ in ("stamp", "key", "prefix")}
    body = {**fields, "dns_name": name, "do": "make"}
    for headers, sent in (
        ({"Origin": "https://evil.example"}, body),
        ({"Sec-Fetch-Site": "cross-site"}, body),
        ({"Origin": "null"}, body),
        ({}, {**body, "stamp": ""}),
        ({}, {**body, "stamp": "0" * 64}),
    ):
        answer = requests.post(
            f"{program.url}/request",
            data=sent,
            headers=headers,
            cookies=jar,
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 403, headers
    assert _held(api, name) == []
    answer = requests.post(
        f"{program.url}/request", data=body, cookies=jar, allow_redirects=False, timeout=30
    )
    assert answer.status_code == 303
    assert len(_held(api, name)) == 1


def test_the_cookie_does_not_count_for_the_api(program: Program, visitor: Visitor) -> None:
    """The API takes tokens only, so no other site can use a session there."""
    jar = {each["name"]: each["value"] for each in visitor.context.cookies()}
    answer = requests.get(f"{program.url}/api/v1/allocations", cookies=jar, timeout=30)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_the_sign_in_leads_to_no_other_site(visitors: Visitors, onward: str) -> None:
    """Whatever the link says."""
    visitor = visitors()
    page = visitor.go(f"/sign-in?next={quote(onward)}")
    visitor.sign_in()
    page.wait_for_selector("#q")
    assert page.url == f"{visitor.url}/request"
