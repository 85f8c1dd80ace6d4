"""What Berth counts and measures: one table of metrics, and a method for each thing that happens.

Labels are bounded: of a label whose values come from requests, the first so many values are kept and the rest
are `other`. The table is what the documentation of the metrics is checked against.
"""

import platform
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase

OTHER: Final = "other"
MAX_CALLERS: Final = 50
MAX_PREFIXES: Final = 200
MAX_WORDS: Final = 60

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
SHORT_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
ADDRESSES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One row: what a scraper sees. A counter's name is shown with `_total` after it."""

    kind: type[MetricWrapperBase]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def build(self, registry: CollectorRegistry) -> MetricWrapperBase:
        """Make it in a registry."""
        if self.kind is Histogram:
            return Histogram(self.name, self.help, self.labels, registry=registry, buckets=self.buckets)
        return self.kind(self.name, self.help, self.labels, registry=registry)


TABLE: Final[tuple[Metric, ...]] = (
    Metric(
        Counter,
        "berth_http_requests",
        "HTTP requests answered, by route template, method, status and caller.",
        ("route", "method", "status", "caller"),
    ),
    Metric(
        Histogram,
        "berth_http_request_seconds",
        "Time from the first byte of a request to the end of its answer.",
        ("route", "method"),
        SECONDS,
    ),
    Metric(Gauge, "berth_works_in_flight", "Accepted work that is not finished, whoever still waits for it."),
    Metric(
        Counter,
        "berth_allocations",
        "Requests for an allocation, by prefix as NetBox has it and outcome (created, replayed or a code).",
        ("prefix", "outcome"),
    ),
    Metric(
        Counter,
        "berth_machines",
        "Requests for a virtual machine, by outcome (created, replayed, changed or a code).",
        ("outcome",),
    ),
    Metric(
        Counter,
        "berth_netbox_calls",
        "Calls to NetBox, each attempt by itself, by HTTP status, what went wrong, or why it was not sent.",
        ("endpoint", "method", "outcome"),
    ),
    Metric(
        Histogram,
        "berth_netbox_call_seconds",
        "Time from sending a call to NetBox to its whole answer, each attempt by itself, waits left out.",
        ("endpoint", "method"),
        SECONDS,
    ),
    Metric(Counter, "berth_netbox_retries", "Calls to NetBox that were sent again, by reason.", ("reason",)),
    Metric(
        Gauge,
        "berth_netbox_breaker_state",
        "State of the circuit breaker towards NetBox: 0 closed, 1 half open, 2 open.",
    ),
    Metric(
        Gauge,
        "berth_netbox_ratelimit_remaining",
        "Calls that a gateway before NetBox still allows (X-RateLimit-Remaining); NaN without one.",
    ),
    Metric(
        Gauge,
        "berth_netbox_ratelimit_limit",
        "Calls that a gateway before NetBox allows in a window (X-RateLimit-Limit); NaN without one.",
    ),
    Metric(
        Histogram,
        "berth_batch_addresses",
        "Addresses asked of NetBox in one list.",
        (),
        ADDRESSES,
    ),
    Metric(Gauge, "berth_queue_length", "Requests that wait for their turn at NetBox, by queue.", ("queue",)),
    Metric(
        Histogram,
        "berth_queue_wait_seconds",
        "Time that requests waited for their turn at NetBox, by queue.",
        ("queue",),
        SECONDS,
    ),
    Metric(
        Histogram,
        "berth_ledger_commit_seconds",
        "Time that durable commits of the ledger took.",
        (),
        SHORT_SECONDS,
    ),
    Metric(
        Gauge,
        "berth_secret_read_age_seconds",
        "Time since a secret was last read from its source with success.",
        ("secret",),
    ),
    Metric(
        Counter,
        "berth_secret_read_failures",
        "Readings of a secret from its source that failed.",
        ("secret",),
    ),
    Metric(
        Gauge,
        "berth_secret_first_seen_timestamp_seconds",
        "When the secret that is in use was first seen, in seconds since 1970.",
        ("secret",),
    ),
    Metric(
        Counter,
        "berth_audit_lines_dropped",
        "Audit records that were not written to standard output; the database has them.",
    ),
    Metric(
        Gauge,
        "berth_audit_flawed",
        "Whether the audit log was found to be changed or incomplete when it was last verified: 0 or 1.",
    ),
    Metric(
        Gauge,
        "berth_audit_verified_timestamp_seconds",
        "When the audit log was last verified, in seconds since 1970; 0 before the first time.",
    ),
    Metric(
        Counter,
        "berth_reconciled",
        "What the reconciler did, by result (settled, failed, released, expired, freed, closed or errors).",
        ("result",),
    ),
    Metric(
        Gauge,
        "berth_operations_in_doubt",
        "Operations that have no outcome although nobody waits for them any more.",
    ),
    Metric(
        Gauge,
        "berth_operations_stuck",
        "Operations on virtual machines that can neither be finished nor undone, and wait for an operator.",
    ),
    Metric(
        Gauge,
        "berth_prefix_free_addresses",
        "Addresses that a prefix still has to give, as last looked up.",
        ("prefix",),
    ),
    Metric(
        Gauge,
        "berth_prefix_utilization_ratio",
        "Share of a prefix's addresses that are taken, from 0 to 1, as last looked up.",
        ("prefix",),
    ),
    Metric(Gauge, "berth_build_info", "Always 1; the labels say what is running.", ("version", "python")),
)


@dataclass(slots=True)
class Bounded:
    """Keeps the first `cap` different values of a label and calls the rest `other`."""

    cap: int
    seen: set[str] = field(default_factory=set)

    def __call__(self, value: str) -> str:
        """The value, or `other`."""
        if value in self.seen:
            return value
        if len(self.seen) >= self.cap:
            return OTHER
        self.seen.add(value)
        return value


@dataclass(slots=True)
class Metrics:
    """All metrics of one process, in a registry of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _built: Mapping[str, MetricWrapperBase] = field(init=False)
    _callers: Bounded = field(default_factory=lambda: Bounded(MAX_CALLERS))
    _prefixes: Bounded = field(default_factory=lambda: Bounded(MAX_PREFIXES))
    _utilized: Bounded = field(default_factory=lambda: Bounded(MAX_PREFIXES))
    _words: dict[str, Bounded] = field(default_factory=lambda: defaultdict(lambda: Bounded(MAX_WORDS)))

    def __post_init__(self) -> None:
        """Make every metric of the table."""
        self._built = {metric.name: metric.build(self.registry) for metric in TABLE}

    def request(self, *, route: str, method: str, status: int, caller: str, seconds: float) -> None:
        """A request was answered."""
        shown = (self._word("route", route), self._word("method", method))
        self._count("berth_http_requests", *shown, str(status), self._callers(caller))
        self._observe("berth_http_request_seconds", seconds, *shown)

    def works_in_flight(self, count: int) -> None:
        """Work was accepted or finished."""
        self._set("berth_works_in_flight", count)

    def allocation(self, prefix: str, outcome: str) -> None:
        """An allocation was asked for; `outcome` is created, replayed or the code of an error.

        `prefix` is named as in the gauges; it is empty where no prefix was found.
        """
        self._count("berth_allocations", self._prefixes(prefix), self._word("outcome", outcome))

    def machine(self, outcome: str) -> None:
        """A virtual machine was asked for; `outcome` as for an allocation."""
        self._count("berth_machines", self._word("machine", outcome))

    def netbox_call(self, *, endpoint: str, method: str, outcome: str, seconds: float | None) -> None:
        """A call to NetBox was sent, or was not (without `seconds`).

        `endpoint` is a template such as `ipam/prefixes/{id}/available-ips/`.
        """
        shown = (self._word("endpoint", endpoint), method)
        self._count("berth_netbox_calls", *shown, self._word("result", outcome))
        if seconds is not None:
            self._observe("berth_netbox_call_seconds", seconds, *shown)

    def netbox_retry(self, reason: str) -> None:
        """A call to NetBox is sent again."""
        self._count("berth_netbox_retries", self._word("reason", reason))

    def watch_breaker(self, state: Callable[[], int]) -> None:
        """Look at the circuit breaker at every scrape: time alone changes its state."""
        self._watch("berth_netbox_breaker_state", state)

    def watch_allowance(self, remaining: Callable[[], float], limit: Callable[[], float]) -> None:
        """Look at every scrape at what a gateway before NetBox allows."""
        self._watch("berth_netbox_ratelimit_remaining", remaining)
        self._watch("berth_netbox_ratelimit_limit", limit)

    def batch(self, addresses: int) -> None:
        """A list went to NetBox."""
        self._observe("berth_batch_addresses", addresses)

    def watch_queue(self, queue: str, length: Callable[[], int]) -> None:
        """Look at a queue at every scrape."""
        self._watch("berth_queue_length", length, self._word("queue", queue))

    def queue_wait(self, queue: str, seconds: float) -> None:
        """Something left a queue and was served."""
        self._observe("berth_queue_wait_seconds", seconds, self._word("queue", queue))

    def ledger_commit(self, seconds: float) -> None:
        """The ledger committed."""
        self._observe("berth_ledger_commit_seconds", seconds)

    def in_doubt(self, count: int) -> None:
        """The reconciler counted what is in doubt."""
        self._set("berth_operations_in_doubt", count)

    def stuck(self, count: int) -> None:
        """The reconciler counted what is stuck."""
        self._set("berth_operations_stuck", count)

    def watch_secret(self, secret: str, age: Callable[[], float]) -> None:
        """Look at every scrape how long ago a secret was read."""
        self._watch("berth_secret_read_age_seconds", age, secret)

    def secret_unread(self, secret: str) -> None:
        """A secret could not be read again."""
        self._count("berth_secret_read_failures", secret)

    def secret_first_seen(self, secret: str, at: float) -> None:
        """The secret in use was first seen at this moment (seconds since 1970)."""
        self._set("berth_secret_first_seen_timestamp_seconds", at, secret)

    def audit_dropped(self, lines: int) -> None:
        """Audit lines were left out."""
        self._count("berth_audit_lines_dropped", times=lines)

    def audit_verified(self, *, flawed: bool, at: float) -> None:
        """The audit log was verified, at this moment (seconds since 1970)."""
        self._set("berth_audit_flawed", int(flawed))
        self._set("berth_audit_verified_timestamp_seconds", at)

    def reconciled(self, result: str, times: int) -> None:
        """The reconciler did something so many times."""
        self._count("berth_reconciled", result, times=times)

    def prefix_usage(self, prefix: str, *, free: int, ratio: float) -> None:
        """A prefix was looked up in the background. Prefixes beyond the bound are left out."""
        shown = self._utilized(prefix)
        if shown != OTHER:
            self._set("berth_prefix_free_addresses", free, shown)
            self._set("berth_prefix_utilization_ratio", ratio, shown)

    def keep_prefixes(self, prefixes: Collection[str]) -> None:
        """Forget all others: what is not looked up any more would stand there for ever."""
        for gone in self._utilized.seen.difference(prefixes):
            for name in ("berth_prefix_free_addresses", "berth_prefix_utilization_ratio"):
                self._built[name].remove(gone)
            self._utilized.seen.discard(gone)

    def build(self, version: str) -> None:
        """Say what is running."""
        self._set("berth_build_info", 1, version, platform.python_version())

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type, in the format that the scraper asks for."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type

    def _word(self, label: str, value: str) -> str:
        return self._words[label](value)

    def _count(self, name: str, *labels: str, times: int = 1) -> None:
        metric = self._built[name]
        assert isinstance(metric, Counter)  # noqa: S101 - the table says so
        (metric.labels(*labels) if labels else metric).inc(times)

    def _set(self, name: str, value: float, *labels: str) -> None:
        metric = self._built[name]
        assert isinstance(metric, Gauge)  # noqa: S101 - the table says so
        (metric.labels(*labels) if labels else metric).set(value)

    def _watch(self, name: str, value: Callable[[], float], *labels: str) -> None:
        metric = self._built[name]
        assert isinstance(metric, Gauge)  # noqa: S101 - the table says so
        (metric.labels(*labels) if labels else metric).set_function(value)

    def _observe(self, name: str, value: float, *labels: str) -> None:
        metric = self._built[name]
        assert isinstance(metric, Histogram)  # noqa: S101 - the table says so
        (metric.labels(*labels) if labels else metric).observe(value)
