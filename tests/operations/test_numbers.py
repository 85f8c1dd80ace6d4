"""Names with the next free number: chosen when the address is taken, and kept."""

import asyncio
import ipaddress
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    InvalidRequest,
    KeyConflict,
    KeyRequired,
    NameRefused,
    NameTaken,
    OutcomeUnknown,
    UnknownReference,
)
from app.domain.inventory import Draft
from app.domain.policy import Convention, Policy, Scope
from app.emulator.faults import Fault
from app.ledger.ledger import first_free
from app.ledger.records import Candidate, State
from app.naming.names import Names
from app.operations.look import CheckName
from tests.operations.conftest import INSIDE, LAB, SIX, Desk, Meddler, wish

NN = "web-{nn}-lab.spaceships.work"


def lab(number: int) -> str:
    """A name of the pattern."""
    return f"web-{number:02}-lab.spaceships.work"


def enforce(desk: Desk, *conventions: Convention) -> None:
    """Put conventions in force."""
    desk.policy.append(Policy(sections=desk.policy[-1].sections, dns_names=conventions))


async def human(desk: Desk, address: str, dns_name: str, vrf_id: int | None = None) -> None:
    """An address that somebody makes in NetBox by hand."""
    draft = Draft(key="", owner="", address=ipaddress.ip_interface(address), dns_name=dns_name)
    await desk.netbox.addresses.create(vrf_id, [draft])


# -- choosing ------------------------------------------------------------------------------------


async def test_the_lowest_free_number_is_chosen(desk: Desk, alice: Caller) -> None:
    """The name is NetBox's and the ledger's, and the pattern comes back as it was sent."""
    await desk.post(alice, "other", prefix=LAB, dns_name=lab(1))
    made = await desk.post(alice, "web", prefix=LAB, name_pattern=NN)
    assert (made.dns_name, made.name_pattern) == (lab(2), NN)
    assert (await desk.claimed("web")).dns_name == lab(2)
    entry = await desk.entry("web")
    assert entry is not None
    assert (entry.dns_name, entry.name_claim) == (lab(2), f"0/4/{lab(2)}")
    await desk.quiet()


async def test_the_audit_log_has_the_name_that_was_chosen(desk: Desk, alice: Caller) -> None:
    """In the intent and in the outcome; a denial has the pattern."""
    await desk.post(alice, "web", prefix=LAB, name_pattern=NN)
    with pytest.raises(NameRefused):
        await desk.post(alice, "bad", prefix=LAB, name_pattern="a_{n}.example")
    lines: list[Any] = await desk.operations.ledger.events({}, 0, 99)
    named = [(line["event"], line["name"]) for _, line in lines if line.get("name")]
    assert named == [("intent", lab(1)), ("outcome", lab(1)), ("denied", "a_{n}.example")]


async def test_a_number_that_a_human_used_is_taken(desk: Desk, alice: Caller) -> None:
    """In this VRF and family; elsewhere it does not count."""
    await human(desk, "192.168.4.90/24", lab(1))
    await human(desk, "fd00:3::90/64", lab(2))
    assert (await desk.post(alice, "web", prefix=LAB, name_pattern=NN)).dns_name == lab(2)
    assert (await desk.post(alice, "six", prefix=SIX, name_pattern=NN)).dns_name == lab(1)
    assert (await desk.post(alice, "vrf", prefix=INSIDE, name_pattern=NN)).dns_name == lab(1)


async def test_callers_at_the_same_time_get_numbers_in_a_row(desk: Desk, alice: Caller) -> None:
    """Each its own: the ledger's first transaction decides."""
    keys = [f"web-{number}" for number in range(20)]
    made = await asyncio.gather(*(desk.post(alice, key, prefix=LAB, name_pattern=NN) for key in keys))
    assert sorted(str(each.dns_name) for each in made) == [lab(number) for number in range(1, 21)]
    await desk.quiet()


async def test_a_released_number_is_given_again(desk: Desk, alice: Caller) -> None:
    """It is the lowest free one."""
    for key in ("a", "b"):
        await desk.post(alice, key, prefix=LAB, name_pattern=NN)
    await desk.operations.release(alice, "a")
    assert (await desk.post(alice, "c", prefix=LAB, name_pattern=NN)).dns_name == lab(1)


async def test_a_pattern_that_is_used_up_is_refused(desk: Desk, alice: Caller) -> None:
    """There is no wider number than the pattern says."""
    for number in range(1, 10):
        await human(desk, f"192.168.4.{90 + number}/24", f"web-{number}.example")
    with pytest.raises(NameTaken, match=r"Every number of web-\{n\}.example is taken") as refusal:
        await desk.post(alice, "web", prefix=LAB, name_pattern="web-{n}.example")
    assert [error.pointer for error in refusal.value.errors] == ["/name_pattern"]


async def test_numbers_that_others_took_since_the_look_are_looked_for_again(
    desk: Desk, alice: Caller
) -> None:
    """All that were offered are gone by the first transaction, so the offer is made anew."""
    others, looks = desk.operations, []

    async def looked(find: Any, *ends: Any) -> Any:  # noqa: ANN401 - the method's own
        looks.append(ends)
        return await find(*ends)

    async def others_first(find: Any, *host: Any) -> Any:  # noqa: ANN401 - the method's own
        await others.allocate(alice, wish("o1", prefix=LAB, dns_name="web-1.example"))
        return await find(*host)

    for number in range(2, 10):
        await human(desk, f"192.168.4.{90 + number}/24", f"web-{number}.example")
    meddler = Meddler(desk.netbox.addresses, find_names=looked, find_host=others_first)
    desk.restart(addresses=meddler)
    with pytest.raises(NameTaken):
        await desk.post(alice, "web", prefix=LAB, name_pattern="web-{n}.example")
    assert len(looks) == 2
    assert await desk.entry("web") is None
    assert await desk.audit("web") == ["denied allocate dns_name_taken"]


async def test_a_dry_run_shows_the_name_and_takes_none(desk: Desk, alice: Caller) -> None:
    """Twice the same, and then it is still free."""
    for _ in range(2):
        result = await desk.operations.allocate(alice, wish("web", prefix=LAB, name_pattern=NN), dry_run=True)
        assert (result.allocation.dns_name, result.allocation.name_pattern) == (lab(1), NN)
    assert (await desk.post(alice, "other", prefix=LAB, name_pattern=NN)).dns_name == lab(1)


async def test_a_dry_run_of_a_name_that_is_held_is_refused(desk: Desk, alice: Caller) -> None:
    """The ledger knows of it before NetBox does."""
    await desk.post(alice, "web", prefix=LAB, dns_name=lab(1))
    await desk.erase("web")
    with pytest.raises(NameTaken):
        await desk.operations.allocate(alice, wish("b", prefix=LAB, dns_name=lab(1)), dry_run=True)


# -- the words -----------------------------------------------------------------------------------


async def test_a_pattern_makes_no_key(desk: Desk, alice: Caller) -> None:
    """A repeat would not find what was chosen."""
    with pytest.raises(KeyRequired, match="name_pattern"):
        await desk.post(alice, prefix=LAB, name_pattern=NN)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"name_pattern": NN, "dns_name": lab(1)}, "contradiction"),
        ({"name_pattern": NN, "dns_name": ""}, "contradiction"),
        ({"name_pattern": "docker-nexus"}, "name_pattern.malformed"),
        ({"name_pattern": ""}, "name_pattern.malformed"),
    ],
)
async def test_words_that_make_no_pattern_are_refused(
    desk: Desk, alice: Caller, words: dict[str, str], code: str
) -> None:
    """At their field, in a POST and in a PUT."""
    for verb in (desk.post, desk.put):
        with pytest.raises(InvalidRequest) as refusal:
            await verb(alice, "web", prefix=LAB, **words)
        assert [(each.pointer, each.code) for each in refusal.value.errors] == [("/name_pattern", code)]


async def test_null_says_nothing(desk: Desk, alice: Caller) -> None:
    """Neither beside the other one asks for anything."""
    assert (await desk.post(alice, "a", prefix=LAB, name_pattern=NN, dns_name=None)).dns_name == lab(1)
    named = await desk.post(alice, "b", prefix=LAB, name_pattern=None, dns_name="b.example")
    assert (named.dns_name, named.name_pattern) == ("b.example", None)


# -- the convention ------------------------------------------------------------------------------


async def test_a_reserved_number_is_passed_over(desk: Desk, alice: Caller) -> None:
    """The lowest number is the lowest that the convention allows."""
    enforce(desk, Convention(name="n", reserved=frozenset({"web-01-lab", "web-02-lab"})))
    assert (await desk.post(alice, "web", prefix=LAB, name_pattern=NN)).dns_name == lab(3)


@pytest.mark.parametrize("pattern", ["a_{n}.example", "{nn}", "b\u00fcro-{n}.example"])
async def test_a_pattern_that_makes_no_host_name_is_refused(desk: Desk, alice: Caller, pattern: str) -> None:
    """Before anything is looked up."""
    with pytest.raises(NameRefused) as refusal:
        await desk.post(alice, "web", prefix=LAB, name_pattern=pattern)
    assert {each.pointer for each in refusal.value.errors} == {"/name_pattern"}


async def test_a_pattern_whose_names_all_break_the_convention_is_refused(desk: Desk, alice: Caller) -> None:
    """With what is wrong with the first of them."""
    enforce(desk, Convention(name="n", pattern=r"[a-z]+-\d{2}\.example"))
    with pytest.raises(NameRefused) as refusal:
        await desk.post(alice, "web", prefix=LAB, name_pattern="web-{n}.example")
    assert [(each.pointer, each.code) for each in refusal.value.errors] == [("/name_pattern", "name.pattern")]


async def test_a_pattern_with_many_numbers_offers_a_hundred(desk: Desk, alice: Caller) -> None:
    """A batch asks for no more at once."""
    made = await desk.post(alice, "web", prefix=LAB, name_pattern="web-{nnnnnnnnn}.example")
    assert made.dns_name == "web-000000001.example"


async def test_what_is_unknown_and_what_is_wrong_with_the_name_are_told_at_once(
    desk: Desk, alice: Caller
) -> None:
    """Both are the caller's to mend."""
    for words, pointer in (({"dns_name": "a_1"}, "/dns_name"), ({"name_pattern": "a_{n}"}, "/name_pattern")):
        with pytest.raises(UnknownReference) as refusal:
            await desk.post(alice, "web", prefix=LAB, tenant="nobody", **words)
        assert [(each.pointer, each.code) for each in refusal.value.errors] == [
            ("/tenant", "unknown"),
            (pointer, "name.underscore"),
        ]


# -- tenants -------------------------------------------------------------------------------------


TENANTS = Convention(name="t", scope=Scope(tenants=("platform",)), pattern=r"p-\d\.example")


async def test_a_tenants_convention_holds_whatever_the_tenant_is_called(desk: Desk, alice: Caller) -> None:
    """By slug, by name and by id."""
    enforce(desk, TENANTS)
    [tenant] = desk.api("GET", "tenancy/tenants/?slug=platform")["results"]
    for word in (tenant["slug"], tenant["name"], tenant["id"]):
        with pytest.raises(NameRefused):
            await desk.post(alice, "web", prefix=LAB, dns_name="web.example", tenant=word)
    made = await desk.post(alice, "p", prefix=LAB, name_pattern="p-{n}.example", tenant=tenant["id"])
    assert made.dns_name == "p-1.example"


async def test_a_name_keeps_the_convention_of_a_tenant_that_it_comes_to(desk: Desk, alice: Caller) -> None:
    """Also if only the tenant changes, or only the name."""
    enforce(desk, TENANTS)
    await desk.post(alice, "web", prefix=LAB, dns_name="web.example")
    with pytest.raises(NameRefused):
        await desk.put(alice, "web", tenant="platform")
    await desk.put(alice, "web", tenant="platform", dns_name="p-1.example")
    with pytest.raises(NameRefused):
        await desk.put(alice, "web", dns_name="web.example")
    with pytest.raises(UnknownReference) as refusal:
        await desk.put(alice, "web", dns_name="w_b", tenant="nobody")
    assert [each.pointer for each in refusal.value.errors] == ["/tenant", "/dns_name"]
    changed = await desk.put(alice, "web", dns_name="web.example", tenant=None, role=None)
    assert changed.dns_name == "web.example"


# -- repeats -------------------------------------------------------------------------------------


async def test_a_repeat_answers_the_same_name(desk: Desk, alice: Caller) -> None:
    """Also where a lower number is free by now, where it sends no pattern, and where it reads."""
    await desk.post(alice, "first", prefix=LAB, name_pattern=NN)
    made = await desk.post(alice, "web", prefix=LAB, name_pattern=NN)
    await desk.operations.release(alice, "first")
    assert await desk.post(alice, "web", prefix=LAB, name_pattern=NN) == made
    assert await desk.put(alice, "web", prefix=LAB, name_pattern=NN, dns_name=None) == made
    assert await desk.post(alice, "web", prefix=LAB) == made
    assert await desk.get(alice, "web") == made
    assert desk.calls("PATCH") == 0


async def test_another_pattern_changes_nothing_in_a_post(desk: Desk, alice: Caller) -> None:
    """The pattern that made the name is shown."""
    await desk.post(alice, "web", prefix=LAB, name_pattern=NN)
    again = await desk.post(alice, "web", prefix=LAB, name_pattern="podman-{nn}.spaceships.work")
    assert (again.dns_name, again.name_pattern) == (lab(1), NN)


@pytest.mark.parametrize("name", ["web.example", None])
async def test_a_pattern_that_the_name_does_not_fit_is_a_conflict(
    desk: Desk, alice: Caller, name: str | None
) -> None:
    """A PUT renames by `dns_name`, and says so."""
    await desk.post(alice, "web", prefix=LAB, dns_name=name)
    with pytest.raises(KeyConflict, match="send dns_name") as refusal:
        await desk.put(alice, "web", name_pattern=NN)
    assert [each.pointer for each in refusal.value.errors] == ["/name_pattern"]


async def test_a_put_makes_what_is_not_there(desk: Desk, alice: Caller) -> None:
    """With the next number, and then keeps it while other fields change."""
    made = await desk.put(alice, "web", prefix=LAB, name_pattern=NN, description="a")
    changed = await desk.put(alice, "web", prefix=LAB, name_pattern=NN, description="b")
    assert (made.dns_name, changed.dns_name, changed.description) == (lab(1), lab(1), "b")


async def test_a_name_that_is_sent_puts_an_end_to_the_pattern(desk: Desk, alice: Caller) -> None:
    """As does one that somebody changes in NetBox to what the pattern does not make."""
    await desk.post(alice, "a", prefix=LAB, name_pattern=NN)
    renamed = await desk.put(alice, "a", dns_name=lab(7))
    assert (renamed.dns_name, renamed.name_pattern) == (lab(7), None)
    await desk.post(alice, "b", prefix=LAB, name_pattern=NN)
    await desk.edit("b", dns_name="other.example")
    assert (await desk.get(alice, "b")).name_pattern is None


async def test_a_retry_of_what_is_in_doubt_keeps_its_name(desk: Desk, alice: Caller) -> None:
    """Though a lower number is free by then."""
    await desk.post(alice, "first", prefix=LAB, name_pattern=NN)
    desk.fault(
        Fault("error_after", method="POST", times=1),
        Fault("error", method="GET", path="/api/ipam/ip-addresses/", skip=1),
    )
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB, name_pattern=NN)
    desk.fault()
    entry = await desk.entry("web")
    assert entry is not None
    assert (entry.state, entry.dns_name) == (State.PENDING, lab(2))
    await desk.operations.release(alice, "first")
    assert (await desk.post(alice, "web", prefix=LAB, name_pattern=NN)).dns_name == lab(2)
    await desk.quiet()


async def test_what_was_deleted_in_netbox_is_made_anew_under_its_name(desk: Desk, alice: Caller) -> None:
    """Unless somebody else has it by then: the next free one is taken."""
    await desk.post(alice, "first", prefix=LAB, name_pattern=NN)
    await desk.post(alice, "web", prefix=LAB, name_pattern=NN)
    await desk.operations.release(alice, "first")
    await desk.erase("web")
    assert (await desk.post(alice, "web", prefix=LAB, name_pattern=NN)).dns_name == lab(2)
    await desk.erase("web")
    await human(desk, "192.168.4.90/24", lab(2))
    assert (await desk.post(alice, "web", prefix=LAB, name_pattern=NN)).dns_name == lab(1)


async def test_a_key_that_the_ledger_has_lost_keeps_its_name(desk: Desk, alice: Caller) -> None:
    """NetBox has it under the claim."""
    await desk.post(alice, "first", prefix=LAB, name_pattern=NN)
    made = await desk.post(alice, "web", prefix=LAB, name_pattern=NN)
    await desk.operations.release(alice, "first")
    await desk.lose("web")
    assert await desk.put(alice, "web", prefix=LAB, name_pattern=NN) == made


async def test_names_are_found_by_their_ends_in_the_ledger(desk: Desk, alice: Caller) -> None:
    """Live ones of the VRF; what a pattern means elsewhere (`_`, `%`) means nothing here."""
    for key, name in (("a", lab(1)), ("b", lab(2)), ("c", "web-03.spaceships.work")):
        await desk.post(alice, key, prefix=LAB, dns_name=name)
    await desk.post(alice, "v", prefix=INSIDE, dns_name=lab(4))
    await desk.operations.release(alice, "b")

    async def found(before: str, after: str) -> list[str]:
        return [e.key for e in await desk.database.read(lambda tx: tx.named_between(before, after, None))]

    assert await found("web-", "-lab.spaceships.work") == ["a"]
    assert sorted(await found("web-", "")) == ["a", "c"]
    assert await found("web-", "%") == []
    assert await found("web_", "") == []


async def test_a_name_of_ones_own_is_free(desk: Desk, alice: Caller) -> None:
    """The first transaction gives a key the name that it holds."""
    await desk.post(alice, "a", prefix=LAB, dns_name=lab(1))
    names = [Candidate(lab(1), f"0/4/{lab(1)}"), Candidate(lab(2), f"0/4/{lab(2)}")]
    for key, expected in (("a", names[0]), ("b", names[1])):
        assert await desk.database.read(lambda tx, k=key: first_free(tx, k, names)) == expected  # type: ignore[misc]


# -- asking without taking -----------------------------------------------------------------------


@pytest.fixture
def check(desk: Desk) -> CheckName:
    """The question, asked of the same policy."""
    verbs = desk.operations
    return CheckName(Names(lambda: desk.policy[-1]), verbs.finder, verbs.numbers, verbs.resolver)


async def test_the_next_number_is_suggested(desk: Desk, alice: Caller, check: CheckName) -> None:
    """Of the names in the ledger and in NetBox, in the prefix's VRF and family."""
    await desk.post(alice, "a", prefix=LAB, name_pattern=NN)
    await human(desk, "192.168.4.90/24", lab(2))
    await human(desk, "fd00:3::90/64", lab(1))
    await human(desk, "fd00:3::91/64", lab(3))

    async def next_in(prefix: str | None, vrf: str | None = None) -> str | None:
        return (await check(alice, lab(1), prefix=prefix, vrf=vrf, suggest=True)).suggestion

    assert await next_in(LAB) == lab(3)
    assert await next_in(SIX) == lab(2)
    assert await next_in(None) == lab(4)
    assert await next_in(INSIDE) == lab(1)
    [pool] = await desk.netbox.inventory.prefixes_at(ipaddress.ip_network(INSIDE))
    assert pool.vrf is not None
    assert await next_in(None, pool.vrf.name) == lab(1)


@pytest.mark.parametrize("name", ["web.example", "b\u00fcro-01.example", "a_-01.example"])
async def test_a_name_without_a_good_number_has_no_next_one(
    alice: Caller, check: CheckName, name: str
) -> None:
    """What is wrong with it is told all the same."""
    report = await check(alice, name, prefix=None, vrf=None, suggest=True)
    assert report.suggestion is None
    assert bool(report.violations) is (name != "web.example")


async def test_warnings_stand_beside_violations(desk: Desk, alice: Caller, check: CheckName) -> None:
    """A convention that only warns refuses nothing."""
    enforce(desk, Convention(name="n", pattern="[a-z]+", refuse=False))
    report = await check(alice, lab(1), prefix=LAB, vrf=None)
    assert (report.violations, [each.code for each in report.warnings]) == ((), ["name.pattern"])
    assert report.suggestion is None


async def test_a_name_is_checked_for_its_tenant_and_role(desk: Desk, alice: Caller, check: CheckName) -> None:
    """By the tenant's slug, whatever it is called in the question; one that NetBox does not have is told."""
    enforce(
        desk,
        Convention(name="t", scope=Scope(tenants=("platform",)), pattern="thin-.*"),
        Convention(name="r", scope=Scope(roles=("vip",)), max_length=3),
    )
    plain = await check(alice, lab(1), prefix=LAB, vrf=None)
    both = await check(alice, lab(1), prefix=LAB, vrf=None, tenant="Platform", role="vip", suggest=True)
    assert plain.violations == ()
    assert [each.code for each in both.violations] == ["name.pattern", "name.too_long"]
    assert both.suggestion is None
    with pytest.raises(UnknownReference):
        await check(alice, lab(1), prefix=None, vrf=None, tenant="nobody")
