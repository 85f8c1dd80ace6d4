"""What is counted and measured."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from app.telemetry.metrics import MAX_CALLERS, OTHER, TABLE, Bounded, Metrics

Move = Callable[[Metrics], None]


@pytest.mark.parametrize(
    ("sample", "labels", "move", "value"),
    [
        (
            "berth_http_requests_total",
            {"route": "/x", "method": "GET", "status": "200", "caller": "team"},
            lambda m: m.request(route="/x", method="GET", status=200, caller="team", seconds=0.1),
            1.0,
        ),
        (
            "berth_http_request_seconds_sum",
            {"route": "/x", "method": "GET"},
            lambda m: m.request(route="/x", method="GET", status=200, caller="team", seconds=0.1),
            0.1,
        ),
        ("berth_works_in_flight", {}, lambda m: m.works_in_flight(3), 3.0),
        (
            "berth_allocations_total",
            {"prefix": "10.0.0.0/24", "outcome": "created"},
            lambda m: m.allocation("10.0.0.0/24", "created"),
            1.0,
        ),
        (
            "berth_netbox_calls_total",
            {"endpoint": "ipam/prefixes", "method": "GET", "outcome": "200"},
            lambda m: m.netbox_call(endpoint="ipam/prefixes", method="GET", outcome="200", seconds=0.2),
            1.0,
        ),
        (
            "berth_netbox_call_seconds_sum",
            {"endpoint": "ipam/prefixes", "method": "GET"},
            lambda m: m.netbox_call(endpoint="ipam/prefixes", method="GET", outcome="200", seconds=0.2),
            0.2,
        ),
        ("berth_netbox_retries_total", {"reason": "429"}, lambda m: m.netbox_retry("429"), 1.0),
        ("berth_netbox_breaker_state", {}, lambda m: m.watch_breaker(lambda: 2), 2.0),
        ("berth_netbox_ratelimit_remaining", {}, lambda m: m.watch_allowance(lambda: 7, lambda: 9), 7.0),
        ("berth_netbox_ratelimit_limit", {}, lambda m: m.watch_allowance(lambda: 7, lambda: 9), 9.0),
        ("berth_batch_addresses_sum", {}, lambda m: m.batch(12), 12.0),
        ("berth_queue_length", {"queue": "allocate"}, lambda m: m.watch_queue("allocate", lambda: 4), 4.0),
        ("berth_queue_wait_seconds_sum", {"queue": "allocate"}, lambda m: m.queue_wait("allocate", 0.5), 0.5),
        ("berth_ledger_commit_seconds_sum", {}, lambda m: m.ledger_commit(0.01), 0.01),
        ("berth_audit_flawed", {}, lambda m: m.audit_verified(flawed=True, at=9.0), 1.0),
        (
            "berth_audit_verified_timestamp_seconds",
            {},
            lambda m: m.audit_verified(flawed=False, at=9.0),
            9.0,
        ),
        ("berth_operations_in_doubt", {}, lambda m: m.in_doubt(2), 2.0),
        (
            "berth_prefix_free_addresses",
            {"prefix": "p"},
            lambda m: m.prefix_usage("p", free=9, ratio=0.1),
            9.0,
        ),
        (
            "berth_prefix_utilization_ratio",
            {"prefix": "p"},
            lambda m: m.prefix_usage("p", free=9, ratio=0.1),
            0.1,
        ),
    ],
)
def test_what_happens_moves_its_metric(sample: str, labels: dict[str, str], move: Move, value: float) -> None:
    """By what happened."""
    metrics = Metrics()
    move(metrics)
    assert metrics.registry.get_sample_value(sample, labels) == value


def test_the_build_is_told_by_labels() -> None:
    """The value is always 1."""
    metrics = Metrics()
    metrics.build("1.2.3")
    text = metrics.render()[0].decode()
    assert 'berth_build_info{python="3.' in text
    assert 'version="1.2.3"} 1.0' in text


def test_labels_stay_bounded() -> None:
    """Whatever is sent, a scrape stays small: the rest is `other`."""
    metrics = Metrics()
    for number in range(MAX_CALLERS + 10):
        metrics.request(route="/x", method="GET", status=200, caller=f"c{number}", seconds=0)
    labels = {"route": "/x", "method": "GET", "status": "200", "caller": OTHER}
    assert metrics.registry.get_sample_value("berth_http_requests_total", labels) == 10


def test_a_value_that_is_known_stays_known() -> None:
    """However many come after it."""
    bounded = Bounded(2)
    assert [bounded(value) for value in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]


def test_prefixes_beyond_the_bound_are_left_out() -> None:
    """Their free addresses have no sum that means anything."""
    metrics = Metrics()
    metrics._utilized = Bounded(1)
    metrics.prefix_usage("a", free=1, ratio=0.5)
    metrics.prefix_usage("b", free=1, ratio=0.5)
    assert metrics.registry.get_sample_value("berth_prefix_free_addresses", {"prefix": OTHER}) is None


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: metric.name)
def test_a_metric_is_named_and_explained(metric: object) -> None:
    """`berth_` first, the unit in the name, one line of help that ends like a sentence."""
    name, text = getattr(metric, "name", ""), getattr(metric, "help", "")
    assert name.startswith("berth_")
    assert not name.endswith("_total")
    assert text.endswith((".", "running."))
    assert "\n" not in text


def test_each_process_has_a_registry_of_its_own() -> None:
    """Two apps in one process do not add up."""
    registry = CollectorRegistry()
    first, second = Metrics(registry), Metrics()
    first.in_doubt(5)
    assert registry.get_sample_value("berth_operations_in_doubt") == 5
    assert second.registry.get_sample_value("berth_operations_in_doubt") == 0
