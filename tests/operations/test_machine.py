"""Any sequence of requests, faults, kills, human edits and lost entries, on the emulator.

The model remembers what was acknowledged. Times are short, so that NetBox's clock, which is the real one,
is never off by more than a minute.
"""

import asyncio
import ipaddress
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.domain.commands import Caller
from app.domain.errors import BerthError, ClaimChanged, Fault, InUse, Later, NotOwner, Refusal
from app.domain.inventory import Address
from app.domain.upstream import UpstreamError
from app.emulator import create_app
from app.emulator.faults import Fault as NetBoxFault
from app.operations.answers import Allocation
from tests.operations.conftest import LAB, SMALL, Stage, close_desk, copied, make_desk
from tests.operations.test_crashes import Killed, Life, Mortal
from tests.operations.test_places import at

pytestmark = pytest.mark.thorough

T = TypeVar("T")
NAMES = ("k0", "k1", "k2")
KEYS = st.sampled_from(("k0", "k0", "k0", "k1", "k2"))
OWNERS = st.sampled_from(("alice", "alice", "alice", "bob"))
LIVES = st.none() | st.none() | st.integers(0, 9)
HOSTS = st.sampled_from(("192.168.4.100", "192.168.4.100", "192.168.4.101"))
GATEWAYS = {"192.168.4.1", "192.168.5.1"}
PREFIXES = st.sampled_from((LAB, LAB, LAB, SMALL))
WORDS = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from(("a", "b", None)),
        "dns_name": st.sampled_from(("A.example.com", "b.example.com", None)),
        "hold_seconds": st.sampled_from((2, None)),
    },
)
FAULTS = st.builds(
    NetBoxFault,
    kind=st.sampled_from(("down", "answer_lost", "error", "error_after", "token_expired", "throttled")),
    method=st.sampled_from(("POST", "POST", "DELETE", "DELETE", "PATCH", "GET")),
    times=st.sampled_from((1, 1, 3, 9)),
    skip=st.sampled_from((0, 0, 1, 2)),
    status=st.sampled_from((500, 502)),
    retry_after=st.just(0),
)
EXAMPLES = int(os.environ.get("BERTH_TEST_EXAMPLES", "15"))
ROWS = """SELECT id, address_host, vrf, custom_field_data AS fields FROM ipam_ipaddress"""


class Desks(RuleBasedStateMachine):
    """Two owners, four keys, a prefix with five addresses and one with many."""

    stage: ClassVar[Stage]

    @initialize()
    def open(self) -> None:
        """A new NetBox, a new ledger."""
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.stage.emulator = create_app(seed=True)
        self.desk = make_desk(self.stage, copied(self.stage, self.folder / "berth.db"))
        self.desk.restart(patience=4.0)
        self.acknowledged: dict[str, tuple[str, str]] = {}
        self.forgotten: set[str] = set()
        self.taken: set[str] = set()
        self.by_hand: set[int] = set()

    def teardown(self) -> None:
        """Let it become quiet, and see what is left."""
        if not hasattr(self, "desk"):
            return
        try:
            self.run(self.quiet())
        finally:
            close_desk(self.desk)
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()
            shutil.rmtree(self.folder)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Until it is done."""
        return self.loop.run_until_complete(work)

    def attempt(self, work: Callable[[], Coroutine[Any, Any, T]], life: int | None) -> T | BaseException:
        """What it comes to; a process that is killed is followed by a fresh one."""
        desk, alive = self.desk, Life(1_000_000 if life is None else life)
        netbox, store = desk.netbox, desk.database
        if life is not None:
            desk.restart(
                addresses=Mortal(netbox.addresses, alive),
                allocator=Mortal(netbox.allocator, alive),
                store=Mortal(store, alive, frozenset({"write"})),
            )
        try:
            return self.run(work())
        except (BerthError, UpstreamError, Killed) as error:
            return error
        finally:
            if life is not None:
                desk.restart(addresses=netbox.addresses, allocator=netbox.allocator, store=store)

    # -- requests --------------------------------------------------------------------------------

    @rule(key=KEYS, owner=OWNERS, prefix=PREFIXES, words=WORDS, life=LIVES, twice=st.booleans())
    def post(self, **drawn: Any) -> None:  # noqa: ANN401 - what hypothesis draws
        """POST, once or by two at the same time."""
        self.write(self.desk.post, **drawn)

    @rule(key=KEYS, owner=OWNERS, prefix=PREFIXES, words=WORDS, life=LIVES, twice=st.booleans())
    def put(self, **drawn: Any) -> None:  # noqa: ANN401 - as above
        """PUT."""
        self.write(self.desk.put, **drawn)

    @rule(key=KEYS, owner=OWNERS, method=st.sampled_from(("POST", "DELETE")), looks=st.integers(0, 2))
    def doubt(self, key: str, owner: str, method: str, looks: int) -> None:
        """A request whose calls all fail, done or not, and nobody is told."""
        self.desk.fault(
            NetBoxFault("error_after", method=method),
            NetBoxFault("down", path="*/ip-addresses/*", skip=looks),
        )
        if method == "POST":
            self.write(self.desk.post, key, owner, LAB, {}, None, twice=False)
        else:
            self.release(key, owner, None)
        self.desk.fault()

    def write(  # noqa: PLR0917 - what a request is made of
        self,
        verb: Callable[..., Coroutine[Any, Any, Allocation]],
        key: str,
        owner: str,
        prefix: str,
        words: dict[str, Any],
        life: int | None,
        *,
        twice: bool,
    ) -> None:
        """Write, and judge what it comes to."""
        caller = Caller(owner=owner)

        async def both() -> list[Allocation | BaseException]:
            asked = [verb(caller, key, prefix=prefix, **words) for _ in range(2 if twice else 1)]
            return await asyncio.gather(*asked, return_exceptions=True)

        outcome = self.attempt(both, life)
        for each in outcome if isinstance(outcome, list) else [outcome]:
            self.judge(key, owner, each)

    def judge(self, key: str, owner: str, outcome: object) -> None:
        """A success is the address that was acknowledged before; a refusal has a reason."""
        before = self.acknowledged.get(key)
        if isinstance(outcome, Allocation):
            assert outcome.ip not in GATEWAYS
            assert outcome.netbox_id not in self.taken
            assert outcome.owner == owner
            if before is not None:
                assert before == (owner, outcome.netbox_id)
            if outcome.state == "active":
                self.acknowledged[key] = (owner, outcome.netbox_id or "")
            else:
                self.acknowledged.pop(key, None)  # a hold may end any time
        elif isinstance(outcome, NotOwner) and before is not None:
            assert before[0] != owner
        else:
            assert isinstance(outcome, Refusal | Later | Fault | UpstreamError | Killed), outcome

    @rule(
        key=KEYS, owner=OWNERS, host=HOSTS, method=st.sampled_from(("post", "put")), life=LIVES, words=WORDS
    )
    def adopt(  # noqa: PLR0917 - what a request is made of
        self, key: str, owner: str, host: str, method: str, life: int | None, words: dict[str, Any]
    ) -> None:
        """An operator puts what is at an address under a key, also what was taken away from one."""
        faults, self.desk.emulator.faults.faults = self.desk.emulator.faults.faults, []
        rows = self.run(self.desk.netbox.addresses.find_host(ipaddress.ip_address(host), None))
        self.desk.emulator.faults.faults = faults
        self.taken -= {str(row.id) for row in rows if row.key is None}
        caller, verb = Caller(owner=owner, operator=True), getattr(self.desk, method)
        self.judge(key, owner, self.attempt(lambda: verb(caller, key, **at(host), adopt=True, **words), life))

    @rule(key=KEYS, owner=OWNERS, life=LIVES)
    def release(self, key: str, owner: str, life: int | None) -> None:
        """DELETE: done, in doubt, or refused."""
        outcome = self.attempt(lambda: self.desk.operations.release(Caller(owner=owner), key), life)
        before = self.acknowledged.get(key)
        if before is not None and before[0] != owner:
            assert outcome is not None
        elif not isinstance(outcome, Refusal):
            self.acknowledged.pop(key, None)

    @rule(key=KEYS)
    def force(self, key: str) -> None:
        """An operator releases it, whoever's it is."""
        operator = Caller(owner="ops", operator=True)
        self.attempt(lambda: self.desk.operations.release(operator, key, force=True), None)
        self.acknowledged.pop(key, None)

    @rule(key=KEYS, owner=OWNERS, life=LIVES)
    def confirm(self, key: str, owner: str, life: int | None) -> None:
        """End a hold: from then on it is acknowledged for good."""
        outcome = self.attempt(lambda: self.desk.operations.confirm(Caller(owner=owner), key), life)
        self.judge(key, owner, outcome if isinstance(outcome, BaseException) else outcome.allocation)

    @rule(key=KEYS, owner=OWNERS)
    def read(self, key: str, owner: str) -> None:
        """GET."""
        self.judge(key, owner, self.attempt(lambda: self.desk.get(Caller(owner=owner), key), None))

    # -- time, faults, crashes -------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.5, 1.0, 1.5)), life=LIVES)
    def reconcile(self, seconds: float, life: int | None) -> None:
        """Time passes, and the reconciler runs."""
        self.desk.clock.ahead += seconds
        self.attempt(self.desk.operations.reconcile, life)

    @rule(faults=st.lists(FAULTS, max_size=2))
    def fault(self, faults: list[NetBoxFault]) -> None:
        """NetBox does this to the next calls."""
        self.desk.fault(*faults)

    @rule()
    def restart(self) -> None:
        """Nothing is remembered in memory."""
        self.desk.restart()

    @rule(key=KEYS)
    def lose(self, key: str) -> None:
        """The ledger is an old backup's: what was in doubt, held or adopted is not known any more."""
        entry = self.run(self.desk.entry(key))
        if entry is not None and entry.adopted:
            self.by_hand.discard(entry.netbox_id or 0)
        self.run(self.desk.lose(key))
        self.forgotten.add(key)

    # -- other people ----------------------------------------------------------------------------

    @rule(host=HOSTS)
    def make(self, host: str) -> None:
        """A human makes an address, where there is none."""
        faults, self.desk.emulator.faults.faults = self.desk.emulator.faults.faults, []
        if not self.run(self.desk.netbox.addresses.find_host(ipaddress.ip_address(host), None)):
            made = self.desk.api("POST", "ipam/ip-addresses/", {"address": f"{host}/24"})
            self.by_hand.add(made["id"])
        self.desk.emulator.faults.faults = faults

    @rule(key=KEYS, what=st.sampled_from(("edit", "delete", "clear", "steal")))
    def meddle(self, key: str, what: str) -> None:
        """A human edits the object, deletes it, or takes it away from its key."""
        faults, self.desk.emulator.faults.faults = self.desk.emulator.faults.faults, []
        for row in self.run(self.desk.netbox.addresses.find_claims([key])):
            self.run(self.do(row, what))
            if what != "edit":
                self.acknowledged.pop(key, None)
        self.desk.emulator.faults.faults = faults

    async def do(self, row: Address, what: str) -> None:
        """Do it."""
        path = f"ipam/ip-addresses/{row.id}/"
        if what == "delete":
            self.by_hand.discard(row.id)
            self.desk.api("DELETE", path)
        elif what == "edit":
            self.desk.api("PATCH", path, {"description": "edited", "dns_name": "human.example.com"})
        else:
            self.taken.add(str(row.id))
            claim = {"berth_key": None if what == "clear" else f"their-{row.id}"}
            self.desk.api("PATCH", path, {"custom_fields": claim})

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def nothing_is_given_twice(self) -> None:
        """No address with two owners, no claim on two objects (I1, I4)."""
        if not hasattr(self, "desk"):
            return
        rows = self.desk.emulator.database.rows(ROWS)
        hosts = Counter((bytes(row["address_host"]), row["vrf"]) for row in rows)
        claims = Counter(_fields(row["fields"]).get("berth_key") for row in rows)
        del claims[None]
        assert max(hosts.values()) == 1
        assert not claims or max(claims.values()) == 1

    async def quiet(self) -> None:
        """Without faults nothing stays in doubt (I6), nothing is lost (I2, I3), all is written (I5)."""
        desk = self.desk
        desk.fault()
        for _ in range(3):
            desk.clock.ahead += 5.0
            done = await desk.operations.reconcile()
            assert done.errors == 0 or await self.waits_for_a_human(), done
        if not await self.waits_for_a_human():
            await desk.accounted()
        rows = desk.emulator.database.rows(ROWS)
        assert self.taken <= {str(row["id"]) for row in rows}  # what is somebody else's is not deleted
        assert self.by_hand <= {row["id"] for row in rows}  # nor what was only adopted
        for key in {*NAMES} - self.forgotten:
            entry = await desk.entry(key)
            known = entry.netbox_id if entry is not None and entry.live else None
            assert {row.id for row in await desk.netbox.addresses.find_claims([key])} <= {known}
        for key, (owner, netbox_id) in self.acknowledged.items():
            found = await desk.get(Caller(owner=owner), key)
            assert found.netbox_id == netbox_id
            network = str(ipaddress.ip_interface(f"{found.ip}/{found.prefix_length}").network)
            again = await desk.post(Caller(owner=owner), key, prefix=network)
            assert again.netbox_id == netbox_id

    async def waits_for_a_human(self) -> bool:
        """Whether a release that is under way met an object that is another key's by now."""
        for key in NAMES:
            try:
                await self.desk.operations.release(Caller(owner="nobody"), key)
            except (ClaimChanged, InUse):
                return True
            except BerthError:
                continue
        return False


def _fields(text: object) -> dict[str, Any]:
    return dict(json.loads(text)) if isinstance(text, str) else {}


@pytest.mark.timeout(600)  # what fails is made short first
def test_any_sequence_keeps_the_promises(stage: Stage) -> None:
    """I1 to I6, whatever happens in whatever order."""
    Desks.stage = stage
    budget = settings(
        max_examples=EXAMPLES,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Desks, settings=budget)
