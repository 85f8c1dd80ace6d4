"""What NetBox's statuses and bodies mean. The bodies were recorded from NetBox 4.3.7 and 4.7.3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Json
from app.domain.upstream import (
    FaultKind,
    Missing,
    NoRoom,
    PermissionRefused,
    Rejected,
    Stale,
    TokenRefused,
    Unsure,
    UpstreamError,
)
from app.netbox.classify import Outage, Throttled, clean, judge, wait_of
from app.netbox.wire import Question, Reply

GET = Question(method="GET", path="ipam/ip-addresses/7/")
POOL = "ipam/prefixes/1/available-ips/"
NAME_RULE = (
    "Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names"
)
TAKEN = "Custom field 'berth_key' must have a unique value."
NAME_TAKEN = "Virtual machine name must be unique per cluster and tenant."
HTML = Reply(status=404, decoded=False)


def post(items: int = 1, path: str = POOL) -> Question:
    """A list POST of so many objects."""
    return Question(method="POST", path=path, body=[{} for _ in range(items)], expect=201)


def outcome(question: Question, reply: Reply) -> Exception:
    """What judging the reply raises."""
    with pytest.raises((UpstreamError, NetBoxNonsense)) as caught:
        judge(question, reply)
    return caught.value


def bad(body: Json, items: int = 1, path: str = POOL) -> Rejected:
    """What a 400 with this body becomes."""
    error = outcome(post(items, path), Reply(status=400, data=body))
    assert isinstance(error, Rejected)
    return error


def test_the_expected_success_raises_nothing() -> None:
    """A 201 with a JSON body is what a POST expects."""
    judge(post(), Reply(status=201, data=[]))


BODIES = [
    # what is sent, the body, the index, the kind, (field, message)
    (3, [{}, {"dns_name": [NAME_RULE]}, {}], 1, FaultKind.OTHER, ("dns_name", NAME_RULE)),
    (2, [{}, {"__all__": [TAKEN]}], 1, FaultKind.CLAIM, ("__all__", TAKEN)),
    (
        1,
        [{"prefix_length": "Invalid prefix length (33) for IPv4"}],
        0,
        FaultKind.OTHER,
        ("prefix_length", "Invalid prefix length (33) for IPv4"),
    ),
    (
        1,
        [{"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}],
        0,
        FaultKind.OTHER,
        ("__all__", "Invalid data. Expected a dictionary, but got str."),
    ),
    (1, [["This field may not be null."]], 0, FaultKind.OTHER, ("__all__", "This field may not be null.")),
    (1, {"tags": [None, {"a": "b"}]}, 0, FaultKind.OTHER, ("tags.a", "b")),
    (1, {"__all__": [TAKEN]}, 0, FaultKind.CLAIM, ("__all__", TAKEN)),
    (
        1,
        {"custom_fields": {"zzz": "Custom field 'zzz' does not exist for this object type."}},
        0,
        FaultKind.OTHER,
        ("custom_fields.zzz", "Custom field 'zzz' does not exist for this object type."),
    ),
    (
        1,
        {"tags": {"__all__": ['Expected a list of items but got type "str".']}},
        0,
        FaultKind.OTHER,
        ("tags", 'Expected a list of items but got type "str".'),
    ),
    (
        3,
        {
            "detail": "1 of 3 objects could not be created.",
            "errors": [
                {
                    "index": 1,
                    "errors": {"address": ["Duplicate IP address found in global table: 10.30.0.1/24"]},
                }
            ],
        },
        1,
        FaultKind.DUPLICATE,
        ("address", "Duplicate IP address found in global table: 10.30.0.1/24"),
    ),
    (
        3,
        [{}, {}, {"address": ["Duplicate IP address found in VRF vrf-unique (65000:1): 10.30.0.1/24"]}],
        2,
        FaultKind.DUPLICATE,
        ("address", "Duplicate IP address found in VRF vrf-unique (65000:1): 10.30.0.1/24"),
    ),
    (
        1,
        {"address": ["Duplicate IP address found in global table: 10.0.0.1/24"], "__all__": [TAKEN]},
        0,
        FaultKind.CLAIM,
        ("__all__", TAKEN),
    ),
    (1, {"__all__": [NAME_TAKEN]}, 0, FaultKind.DUPLICATE, ("__all__", NAME_TAKEN)),
    (
        2,
        [{}, {"__all__": ["Virtual machine name must be unique per cluster."]}],
        1,
        FaultKind.DUPLICATE,
        ("__all__", "Virtual machine name must be unique per cluster."),
    ),
    (1, {"__all__": [TAKEN, NAME_TAKEN]}, 0, FaultKind.CLAIM, ("__all__", f"{TAKEN}; {NAME_TAKEN}")),
    (
        2,
        {
            "detail": "1 of 2 objects could not be created.",
            "errors": [
                {
                    "index": 0,
                    "errors": {"__all__": ["Interface with this Virtual machine and Name already exists."]},
                }
            ],
        },
        0,
        FaultKind.DUPLICATE,
        ("__all__", "Interface with this Virtual machine and Name already exists."),
    ),
]


@pytest.mark.parametrize(("items", "body", "index", "kind", "told"), BODIES)
def test_every_shape_of_a_400_names_item_field_and_kind(
    items: int, body: Json, index: int, kind: FaultKind, told: tuple[str, str]
) -> None:
    """Lists by position, `errors[].index` and a dict for one object come to the same."""
    fault = bad(body, items).items
    assert list(fault) == [index]
    assert fault[index].kind is kind
    field, message = told
    assert fault[index].messages[field] == message


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "JSON parse error - Expecting property name enclosed in double quotes"},
        "a text",
        None,
        5,
        [],
        {"detail": "2 of 2", "errors": [{"index": 9, "errors": {"a": ["b"]}}, {"index": "0"}, 7]},
        {"detail": "1 of 1", "errors": [{"id": 1, "errors": {"site": ["This field is required."]}}]},
        {"dns_name": ["which of the two?"]},
    ],
)
def test_a_400_that_names_no_item_of_the_list_has_no_items(body: Json) -> None:
    """The batcher must then find out by halving."""
    assert bad(body, items=2).items == {}


CHANGE = Question(method="PATCH", path="virtualization/virtual-machines/", body=[{"id": 7}, {"id": 5}])


def test_a_list_of_changes_names_its_items_by_id() -> None:
    """From 4.7; an id that was not asked for is nobody's, an index is a position as everywhere."""
    errors: list[Json] = [
        {"id": 5, "errors": {"primary_ip4": ["not its own"]}},
        {"id": 9, "errors": {"status": ["whose?"]}},
        {"index": 0, "errors": {"id": ["This field is required."]}},
    ]
    error = outcome(CHANGE, Reply(status=400, data={"detail": "3 of 2", "errors": errors}))
    assert isinstance(error, Rejected)
    assert {index: set(fault.messages) for index, fault in error.items.items()} == {
        1: {"primary_ip4"},
        0: {"id"},
    }


def test_a_list_of_changes_in_4_3_names_no_item() -> None:
    """It stops at the first one that is wrong, and sends that one's errors (4.3.7, measured)."""
    error = outcome(CHANGE, Reply(status=400, data={"primary_ip4": ["not its own"]}))
    assert isinstance(error, Rejected)
    assert error.items == {}


def test_a_rejection_says_what_netbox_said_first() -> None:
    """People read this text."""
    assert str(bad([{}, {"dns_name": [NAME_RULE]}], items=2)) == NAME_RULE


STATUSES: list[tuple[Question, Reply, type[Exception]]] = [
    (post(), Reply(status=409, data={"detail": "Insufficient resources are available"}), NoRoom),
    (GET, Reply(status=409, data={}), Rejected),
    (post(path="virtualization/clusters/"), Reply(status=409, data={"detail": "Unable to delete"}), Rejected),
    (GET, Reply(status=404, data={"detail": "No IPAddress matches the given query."}), Missing),
    (GET, HTML, Rejected),  # a wrong URL must never be taken for "the address is gone"
    (GET, Reply(status=412, data={"detail": "Precondition failed."}), Stale),
    (post(), Reply(status=413, decoded=False), Rejected),
    (post(), Reply(status=415, data={"detail": "Unsupported media type"}), Rejected),
    (post(), Reply(status=429, decoded=False), Throttled),
    (post(), Reply(status=500, data={"error": "host db:5432", "exception": "IntegrityError"}), Unsure),
    (post(), Reply(status=500, data={"error": "closed", "exception": "OperationalError"}), Outage),
    (post(), Reply(status=500, decoded=False), Outage),
    (post(), Reply(status=502, decoded=False), Outage),
    (post(), Reply(status=503, retry_after="3", decoded=False), Outage),
    (post(), Reply(status=504, decoded=False), Outage),
    (post(), Reply(status=301, location="https://netbox/"), Rejected),
    (post(), Reply(status=200, data=[]), Unsure),
    (post(), Reply(status=201, decoded=False), Unsure),
    (GET, Reply(status=200, decoded=False), NetBoxNonsense),
    (GET, Reply(status=204, data=None), NetBoxNonsense),
]


@pytest.mark.parametrize(("question", "reply", "kind"), STATUSES)
def test_a_status_means_what_netbox_may_have_done(
    question: Question, reply: Reply, kind: type[Exception]
) -> None:
    """4xx: nothing; 5xx and answers that make no sense: perhaps."""
    assert type(outcome(question, reply)) is kind


TOKEN_FAULTS = [
    "Authentication credentials were not provided.",
    "Invalid token",
    "Invalid v1 token",
    "Invalid v2 token",
    "Token expired",
    "Token disabled",
    "Source IP 127.0.0.1 is not permitted to authenticate using this token.",
    "Invalid token header. No credentials provided.",
    'Invalid authorization header: Must be in the form "Bearer <key>.<token>" or "Token <token>"',
]


@pytest.mark.parametrize("detail", TOKEN_FAULTS)
def test_a_403_about_the_token_is_told_apart(detail: str) -> None:
    """NetBox never answers 401: only the text tells."""
    assert type(outcome(GET, Reply(status=403, data={"detail": detail}))) is TokenRefused


def test_a_403_about_a_permission_is_no_fault_of_the_token() -> None:
    """A read-only token and a missing permission share this text."""
    error = outcome(
        post(), Reply(status=403, data={"detail": "You do not have permission to perform this action."})
    )
    assert type(error) is PermissionRefused


def test_a_403_page_of_a_firewall_is_a_missing_permission() -> None:
    """It has no `detail`."""
    assert type(outcome(post(), Reply(status=403, decoded=False))) is PermissionRefused


def test_a_401_of_a_proxy_is_a_refused_token() -> None:
    """NetBox itself never sends one."""
    assert type(outcome(GET, Reply(status=401, decoded=False))) is TokenRefused


def test_a_500_does_not_tell_where_the_database_is() -> None:
    """NetBox's `error` names host and port."""
    error = outcome(
        post(), Reply(status=500, data={"error": "port 5439 failed", "exception": "OperationalError"})
    )
    assert isinstance(error, Unsure)
    assert error.server_error
    assert "5439" not in str(error)


def test_a_redirect_says_where_to() -> None:
    """Whoever runs Berth has to change NETBOX_URL."""
    error = outcome(post(), Reply(status=302, location="https://netbox.example.com/api/\r\nX: y"))
    assert "https://netbox.example.com/api/ X: y; set it" in str(error)


def test_text_from_outside_is_one_printable_line() -> None:
    """Log lines and terminals stay whole."""
    assert clean("a\r\nb\x1b[31m c" + "x" * 500) == ("a b [31m c" + "x" * 290)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 2.0), ("7", 7.0), ("-3", 0.0), ("1e9", 300.0), ("nan", 2.0), ("soon", 2.0), ("", 2.0)],
)
def test_retry_after_in_seconds_is_bounded(value: str | None, seconds: float) -> None:
    """What cannot be read is the default; nobody waits longer than five minutes."""
    assert wait_of(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    """RFC 9110, section 10.2.3."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < wait_of(soon) <= 60
