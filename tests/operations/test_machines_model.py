"""Any sequence of registrations, changes, retirements, faults, kills and meddling humans, on the emulator.

As `test_machine`, for virtual machines: what was acknowledged stays, what is foreign is never deleted, and in
the end every machine is whole or not there, with nothing left over.
"""

import asyncio
import os
import shutil
import tempfile
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
from app.domain.errors import BerthError, Fault, Later, NotFound, NotOwner, Refusal
from app.emulator import create_app
from app.emulator.faults import Fault as NetBoxFault
from app.ledger.machine_records import MachineState
from app.operations.machine_answers import Registration
from tests.operations.conftest import LAB, PARTS, SIX, SMALL, Stage, close_desk, copied, make_desk
from tests.operations.test_crashes import Killed, Life, Mortal
from tests.operations.test_machine_crashes import WRITES

pytestmark = pytest.mark.thorough

T = TypeVar("T")
KEYS = st.sampled_from(("k0", "k0", "k0", "k1"))
OWNERS = st.sampled_from((*["alice"] * 7, "bob"))
LIVES = st.none() | st.none() | st.integers(0, 16)
PLACES = st.lists(st.sampled_from(({"prefix": LAB}, {"prefix": SIX}, {"prefix": SMALL})), max_size=2)
NICS = st.dictionaries(st.sampled_from(("eth0", "eth1")), PLACES, min_size=1)
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
OPERATOR = Caller(owner="ops", operator=True)
MACHINES, INTERFACES, ADDRESSES = PARTS


class Fleet(RuleBasedStateMachine):
    """Two owners, two keys, each for a machine of its own name."""

    stage: ClassVar[Stage]

    @initialize()
    def open(self) -> None:
        """A new NetBox, a new ledger."""
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.stage.emulator = create_app(seed=True)
        self.desk = make_desk(self.stage, copied(self.stage, self.folder / "berth.db"))
        self.acknowledged: dict[str, tuple[str, str]] = {}
        self.foreign: set[int] = set()

    def teardown(self) -> None:
        """Let it become quiet, and see what is left."""
        if not hasattr(self, "desk"):
            return
        try:
            self.loop.run_until_complete(self.quiet())
        finally:
            close_desk(self.desk)
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()
            shutil.rmtree(self.folder)

    def attempt(self, work: Callable[[], Coroutine[Any, Any, T]], life: int | None) -> T | BaseException:
        """What it comes to; a process that is killed is followed by a fresh one."""
        desk, alive = self.desk, Life(1_000_000 if life is None else life)
        netbox, store = desk.netbox, desk.database
        if life is not None:
            desk.restart(
                machines=Mortal(netbox.machines, alive, WRITES),
                addresses=Mortal(netbox.addresses, alive, WRITES),
                allocator=Mortal(netbox.allocator, alive, frozenset({"allocate", "create"})),
                store=Mortal(store, alive, frozenset({"write"})),
            )
        try:
            return self.loop.run_until_complete(work())
        except (BerthError, Killed) as error:
            return error
        finally:
            if life is not None:
                desk.restart(
                    machines=netbox.machines,
                    addresses=netbox.addresses,
                    allocator=netbox.allocator,
                    store=store,
                )

    # -- requests --------------------------------------------------------------------------------

    @rule(key=KEYS, owner=OWNERS, nics=NICS, life=LIVES)
    def register(self, **drawn: Any) -> None:  # noqa: ANN401 - what hypothesis draws
        """POST."""
        self.write(self.desk.register, **drawn)

    @rule(key=KEYS, owner=OWNERS, nics=NICS, life=LIVES)
    def converge(self, **drawn: Any) -> None:  # noqa: ANN401 - as above
        """PUT."""
        self.write(self.desk.converge, **drawn)

    def write(
        self,
        verb: Callable[..., Coroutine[Any, Any, Registration]],
        key: str,
        owner: str,
        nics: dict[str, list[dict[str, str]]],
        life: int | None,
    ) -> None:
        """Write, and judge what it comes to."""
        interfaces = [{"name": name, "addresses": places} for name, places in nics.items()]
        words = {"name": f"vm-{key}", "cluster": "matrix", "interfaces": interfaces}
        outcome = self.attempt(lambda: verb(Caller(owner=owner), key, **words), life)
        before = self.acknowledged.get(key)
        if isinstance(outcome, Registration):
            assert outcome.owner == owner
            assert outcome.status == "active"
            assert before in (None, (owner, outcome.netbox_id))
            self.acknowledged[key] = (owner, outcome.netbox_id or "")
        elif isinstance(outcome, NotOwner) and before is not None:
            assert before[0] != owner
        else:
            assert isinstance(outcome, Refusal | Later | Fault | Killed), outcome

    @rule(key=KEYS, owner=OWNERS, life=LIVES)
    def retire(self, key: str, owner: str, life: int | None) -> None:
        """DELETE: done, in doubt, or refused."""
        outcome = self.attempt(lambda: self.desk.operations.machines.retire(Caller(owner=owner), key), life)
        before = self.acknowledged.get(key)
        if before is not None and before[0] != owner:
            assert outcome is not None
        elif not isinstance(outcome, Refusal) or self.state(key) is MachineState.STUCK:
            self.acknowledged.pop(key, None)

    def state(self, key: str) -> MachineState | None:
        """Where the ledger has the key."""
        entry = self.loop.run_until_complete(self.desk.registered(key))
        return entry.state if entry else None

    @rule()
    def reconcile(self) -> None:
        """A pass of both reconcilers."""
        self.attempt(self.desk.operations.reconcile, None)
        self.attempt(self.desk.operations.machines.reconcile, None)

    # -- weather and humans ----------------------------------------------------------------------

    @rule(fault=FAULTS)
    def break_netbox(self, fault: NetBoxFault) -> None:
        """From now on, so many calls."""
        self.desk.fault(fault)

    @rule()
    def mend_netbox(self) -> None:
        """All is well again."""
        self.desk.fault()

    @rule(key=KEYS, owner=OWNERS, life=LIVES, fault=FAULTS)
    def crowd(self, key: str, owner: str, life: int | None, fault: NetBoxFault) -> None:
        """A human adds an interface to a machine that is being taken away, or just before."""
        self.desk.fault(fault)
        self.retire(key, owner, life)
        self.add_nic(key)
        self.desk.fault()
        self.retire(key, owner, None)

    @rule(key=KEYS)
    def add_nic(self, key: str) -> None:
        """A human adds an interface."""
        with self.calm():
            for row in self.desk.api("GET", f"{MACHINES}/?name=vm-{key}")["results"]:
                words = {"virtual_machine": row["id"], "name": f"nic{len(self.foreign)}"}
                self.foreign.add(int(self.desk.api("POST", f"{INTERFACES}/", words)["id"]))

    @rule()
    def remove_nics(self) -> None:
        """A human takes his interfaces away again."""
        with self.calm():
            for number in self.foreign:
                self.desk.api("DELETE", f"{INTERFACES}/{number}/")
        self.foreign.clear()

    @rule(key=KEYS, path=st.sampled_from((INTERFACES, ADDRESSES)))
    def erase(self, key: str, path: str) -> None:
        """A human deletes one of a machine's own parts."""
        with self.calm():
            rows = self.desk.listed(path)
            ours = [row["id"] for row in rows if str(row["custom_fields"]["berth_key"]).startswith(f"{key}~")]
            for number in ours[:1]:
                self.desk.api("DELETE", f"{path}/{number}/")

    def calm(self) -> "Calm":
        """Humans do not meet the faults."""
        return Calm(self)

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def nothing_foreign_is_deleted(self) -> None:
        """Whatever Berth does."""
        if hasattr(self, "desk"):
            with self.calm():
                assert self.foreign <= {row["id"] for row in self.desk.listed(INTERFACES)}

    async def quiet(self) -> None:
        """What is stuck is mended once the humans have left; then all is whole, or not there."""
        desk = self.desk
        desk.fault()
        for number in self.foreign:
            desk.api("DELETE", f"{INTERFACES}/{number}/")
        for _ in range(2):
            page = await desk.operations.machines.open_operations(OPERATOR, None, 9)
            for shown in page.items:
                outcome = await desk.operations.machines.mend.retry(OPERATOR, shown.id)
                assert outcome.result in ("finished", "undone", "still open"), outcome
            await desk.operations.reconcile()
        await desk.quiet()
        for key in ("k0", "k1"):
            entry = await desk.registered(key)
            if desk.hanging(key):
                assert entry is not None
                assert (await desk.machine(Caller(owner=entry.owner), key)).status == "active"
        for key, (owner, netbox_id) in self.acknowledged.items():
            try:
                assert (await desk.machine(Caller(owner=owner), key)).netbox_id == netbox_id
            except NotFound:
                raise AssertionError(f"{key} was acknowledged and is lost") from None


class Calm:
    """No faults, for a moment."""

    def __init__(self, fleet: Fleet) -> None:
        self.faults = fleet.desk.emulator.faults
        self.kept: list[NetBoxFault] = []

    def __enter__(self) -> None:
        self.kept, self.faults.faults = self.faults.faults, []

    def __exit__(self, *_: object) -> None:
        self.faults.faults = self.kept


@pytest.mark.timeout(600)  # what fails is made short first
def test_any_sequence_leaves_machines_whole_or_not_there(stage: Stage) -> None:
    """I1 to I6, whatever happens in whatever order."""
    Fleet.stage = stage
    budget = settings(
        max_examples=EXAMPLES,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Fleet, settings=budget)
