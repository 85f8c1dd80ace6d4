"""What needs OpenTelemetry's SDK, which comes with the extra `otel`; see `app.telemetry.tracing`."""

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.telemetry.tracing import HIDDEN, QUERY


class WithoutQuery(SpanProcessor):
    """Takes the query out of a span as soon as it begins; FastAPI itself hides a few names in it only."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the signature is OpenTelemetry's
        """A span begins."""
        if span.attributes and QUERY in span.attributes:
            span.set_attribute(QUERY, HIDDEN)


def provider(service: str) -> TracerProvider:
    """Sends spans in the background to where the environment says; what is left is sent at exit."""
    made = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    made.add_span_processor(WithoutQuery())
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made
