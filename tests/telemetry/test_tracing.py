"""Traces: only where somebody gets them, and without what callers put into a query."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider

from app.emulator import SEED_TOKEN
from app.main import telemetry_of
from app.telemetry.logs import make_logger
from app.telemetry.tracing import tracer_of
from tests.end_to_end.program import Desk, berth, wait_until
from tests.whole import LAB, TOKEN, emulated

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@dataclass
class Collector:
    """Takes traces, as OpenTelemetry's collector does."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[tuple[str, dict[str, Any]]]:
        """The service and the attributes of each span."""
        found = []
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        told = {each.key: each.value.string_value for each in span.attributes}
                        found.append((names["service.name"], told))
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take them."""
            collector.paths.append(self.path)
            collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield collector
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_process_sends_its_traces_where_it_is_told(collector: Collector, tmp_path: Path) -> None:
    """By the route's template, under Berth's name, and without the query."""
    with emulated() as netbox:
        program = berth(tmp_path, netbox.url, SEED_TOKEN, token=TOKEN)
        program.variables |= {ENDPOINTS[0]: collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        program.start()
        try:
            Desk(program.url, TOKEN).made({"key": "web", "prefix": LAB})
            Desk(program.url, TOKEN).list("allocations", dns_name="canary-in-a-query")
            wait_until(lambda: _listed(collector) is not None, "the collector has the span")
            assert program.stop() == 0
        finally:
            program.stop_if_running()
    service, told = _listed(collector) or ("", {})
    assert service == "berth"
    assert told["http.route"] == "/api/v1/allocations"
    assert told["url.query"] == "[redacted]"
    assert set(collector.paths) == {"/v1/traces"}
    assert b"canary" not in b"".join(collector.bodies)


def _listed(collector: Collector) -> tuple[str, dict[str, Any]] | None:
    spans = (span for span in collector.spans() if span[1].get("http.request.method") == "GET")
    return next((span for span in spans if span[1].get("http.route", "").endswith("/allocations")), None)


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({}, False),
        ({ENDPOINTS[0]: ""}, False),
        ({ENDPOINTS[0]: "http://127.0.0.1:9"}, True),
        ({ENDPOINTS[1]: "http://127.0.0.1:9/v1/traces"}, True),
        ({ENDPOINTS[0]: "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_made_only_where_somebody_gets_them(environ: dict[str, str], on: bool) -> None:
    """They cost a third of the throughput."""
    stream = io.StringIO()
    telemetry = telemetry_of(environ, make_logger(stream))
    if on:
        telemetry["tracer_provider"].shutdown()
    assert (telemetry["tracing"], telemetry["tracer_provider"] is not None) == (on, on)
    assert (telemetry["metrics"], telemetry["logs"], telemetry["auto_configure"]) == (False, False, False)
    assert stream.getvalue() == ""


def test_without_the_sdk_one_line_says_that_there_are_no_traces() -> None:
    """And Berth serves all the same."""

    def missing(_service: str) -> TracerProvider:
        raise ModuleNotFoundError("No module named 'opentelemetry.sdk'")

    stream = io.StringIO()
    assert tracer_of({ENDPOINTS[0]: "http://127.0.0.1:9"}, make_logger(stream), missing) is None
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["level"] == "warning"
    assert "install berth-ipam[otel]" in line
