"""The operations on virtual machines, put together: which of them may touch what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.domain.inventory import Json
from app.domain.registrations import MachineWish
from app.ledger.ledger import Ledger
from app.ledger.machines import MachineLedger
from app.naming.names import Names
from app.operations.adopt import Adoption
from app.operations.allocate import Creation
from app.operations.freeing import Freeing
from app.operations.keep import Keep
from app.operations.machine_building import Building
from app.operations.machine_echo import ShowMachine
from app.operations.machine_forward import Forward
from app.operations.machine_layout import Layout
from app.operations.machine_operations import MendOperation, OpenOperations
from app.operations.machine_parts import Parts
from app.operations.machine_plan import MachinePlanner
from app.operations.machine_ports import Machines
from app.operations.machine_reconcile import ReconcileMachines
from app.operations.machine_references import MachineResolver
from app.operations.machine_removal import Removal
from app.operations.machine_standing import MachineStanding
from app.operations.machine_view import Viewer
from app.operations.memory import Guard
from app.operations.places import Finder
from app.operations.plan import Planner
from app.operations.ports import Addresses, Inventory
from app.operations.read_vms import ListMachines, ReadMachine
from app.operations.register_vm import Preview, RegisterMachine
from app.operations.retire_vm import RetireMachine
from app.operations.states import States
from app.operations.turns import Turns
from app.operations.upsert import Convergence


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineParts:
    """What the operations on machines are made of: NetBox, and what makes and frees their addresses."""

    machines: Machines
    inventory: Inventory
    addresses: Addresses
    ledger: Ledger
    turns: Turns
    names: Names
    finder: Finder
    planner: Planner
    creation: Creation
    adoption: Adoption
    convergence: Convergence
    states: States
    keep: Keep
    freeing: Freeing
    prepared: Guard
    wish_of: Callable[[str, Mapping[str, Json]], MachineWish]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOperations:
    """Every verb, and the reconciler."""

    register: RegisterMachine
    converge: RegisterMachine
    read: ReadMachine
    list_machines: ListMachines
    retire: RetireMachine
    open_operations: OpenOperations
    mend: MendOperation
    reconcile: ReconcileMachines


def assemble_machines(parts: MachineParts) -> MachineOperations:
    """Put the operations on machines together."""
    ledger, viewer = MachineLedger(parts.ledger), Viewer(parts.machines)
    layout = Layout(parts.finder, parts.ledger, parts.addresses)
    planner = MachinePlanner(
        parts.machines,
        viewer,
        MachineResolver(parts.inventory),
        parts.names,
        layout,
        parts.planner,
        parts.convergence,
        parts.adoption,
    )
    forward = _forward(parts, ledger, viewer, planner)
    standing = MachineStanding(ledger, viewer, forward)
    show = ShowMachine(parts.ledger, parts.keep)
    preview = Preview(parts.creation, parts.adoption, show)
    register = (ledger, parts.turns, standing, planner, forward, show, preview, parts.prepared)
    return MachineOperations(
        register=RegisterMachine(*register),
        converge=RegisterMachine(*register, converges=True),
        read=ReadMachine(standing, show),
        list_machines=ListMachines(ledger, viewer, show),
        retire=RetireMachine(ledger, parts.turns, standing, layout, forward),
        open_operations=OpenOperations(ledger),
        mend=MendOperation(ledger, parts.turns, forward),
        reconcile=ReconcileMachines(ledger, parts.turns, viewer, forward),
    )


def _forward(parts: MachineParts, ledger: MachineLedger, viewer: Viewer, planner: MachinePlanner) -> Forward:
    addresses = Parts(
        parts.ledger,
        parts.addresses,
        parts.states,
        parts.keep,
        parts.creation,
        parts.adoption,
        parts.freeing,
    )
    removal = Removal(parts.machines, viewer, addresses)
    building = Building(ledger, parts.machines, viewer, addresses, parts.convergence, removal)
    return Forward(ledger, planner, building, removal, viewer, parts.wish_of)
