"""The types of the fields that only virtual machines have. Limits are those of NetBox 4.3 to 4.7."""

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import Field, PlainValidator, StringConstraints
from pydantic_core import PydanticCustomError

from app.api.fields import NO_CONTROLS, schema, text_schema

MAX_NETBOX_INTEGER: Final = 2**31 - 1
"""The largest memory, or disk, that NetBox keeps (a 32-bit column of PostgreSQL)."""
MIN_VCPUS: Final = Decimal("0.01")
MAX_VCPUS: Final = Decimal("9999.99")
"""NetBox: VirtualMachine.vcpus has six digits, two of them decimals."""
MAX_MTU: Final = 65536
"""NetBox: VMInterface.mtu."""
MAX_INTERFACE_NAME: Final = 64
MAX_MACHINE_NAME: Final = 64
MAX_COMMENTS: Final = 10_000


def _vcpus(value: Any) -> float | int:  # noqa: ANN401 - anything may have been sent
    """A number as NetBox keeps it, with two decimals; as it was written, for 4 and 4.0 read differently."""
    exact = _decimal(value)
    if not MIN_VCPUS <= exact <= MAX_VCPUS:
        limits = {"least": str(MIN_VCPUS), "most": str(MAX_VCPUS)}
        raise PydanticCustomError("out_of_range", "send a number from {least} to {most}", limits)
    if exact != round(exact, 2):
        raise PydanticCustomError("too_precise", "send at most two decimals")
    number: float | int = value
    return number


def _gigabytes(value: Any) -> float | int:  # noqa: ANN401
    if not 0 <= _decimal(value) <= MAX_NETBOX_INTEGER:
        raise PydanticCustomError("out_of_range", "send a number from 0 on, in GB")
    number: float | int = value
    return number


def _decimal(value: object) -> Decimal:
    """The number that was written: a float's shortest form, not its binary value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("wrong_type", "send a number")
    return Decimal(str(value))


def _interface_name(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "send text")
    if not 0 < len(value) <= MAX_INTERFACE_NAME:
        raise PydanticCustomError("length", "send 1 to {most} characters", {"most": MAX_INTERFACE_NAME})
    if value != value.strip():
        raise PydanticCustomError("spaces", "leave out the spaces around it: NetBox drops them")
    return value


def _no_site(_value: Any) -> None:  # noqa: ANN401
    raise PydanticCustomError(
        "site_instead_of_cluster",
        "virtual machines are registered in a cluster, because NetBox keeps their names unique only there; "
        "send `cluster` and leave `site` out: it is the cluster's",
    )


Vcpus = Annotated[
    float | int,
    PlainValidator(_vcpus),
    schema(
        "Virtual cores, with at most two decimals.",
        "number",
        minimum=float(MIN_VCPUS),
        maximum=float(MAX_VCPUS),
        examples=[4],
    ),
]
Gigabytes = Annotated[
    float | int,
    PlainValidator(_gigabytes),
    schema("A size that makes a whole number of MB.", "number", minimum=0, maximum=MAX_NETBOX_INTEGER),
]
Megabytes = Annotated[int, Field(strict=True, ge=0, le=MAX_NETBOX_INTEGER)]
Mtu = Annotated[int, Field(strict=True, ge=1, le=MAX_MTU)]
InterfaceName = Annotated[
    str,
    PlainValidator(_interface_name),
    schema(
        "The interface's name, without spaces around it.",
        "string",
        minLength=1,
        maxLength=MAX_INTERFACE_NAME,
        pattern=NO_CONTROLS,
        examples=["eth0"],
    ),
]
NoSite = Annotated[None, PlainValidator(_no_site)]
"""A field that is refused with the reason, instead of as an unknown one."""
Comments = Annotated[
    str, StringConstraints(strict=True, max_length=MAX_COMMENTS), text_schema(0, MAX_COMMENTS)
]
MachineName = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_MACHINE_NAME),
    text_schema(1, MAX_MACHINE_NAME),
]
