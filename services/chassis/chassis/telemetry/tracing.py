"""W3C trace context: it comes in with a request or a record, and goes out with what is said or asked meanwhile.

Without a collector a process only passes the context on; with one (`otlp_endpoint`) it also exports spans.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

FORM: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""A `traceparent` of W3C's version 00; whatever else comes in is taken for none."""
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)
_tracer: Any = None


def traceparent() -> str | None:
    """The context that what is said now belongs to, as the header `traceparent`; None outside of any."""
    return _current.get()


def trace_id() -> str | None:
    """The 32 hexadecimal digits of the trace, which the logs name."""
    found = _current.get()
    return found[3:35] if found else None


@contextlib.contextmanager
def continued(parent: str | None = None, name: str = "work") -> Iterator[None]:
    """Go on from `parent` (a traceparent), or begin a trace when there is none or it is not one."""
    above = parent if parent and FORM.fullmatch(parent) else None
    if _tracer is not None:
        with _span(above, name):
            yield
        return
    token = _current.set(above or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00")
    try:
        yield
    finally:
        _current.reset(token)


@contextlib.contextmanager
def _span(above: str | None, name: str) -> Iterator[None]:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {"traceparent": above} if above else {}
    context = TraceContextTextMapPropagator().extract(carrier)
    # Messages of exceptions may quote data: a span says that it failed, the log says where.
    with _tracer.start_as_current_span(
        name, context=context, record_exception=False, set_status_on_exception=False
    ) as span:
        own = span.get_span_context()
        token = _current.set(f"00-{own.trace_id:032x}-{own.span_id:016x}-{int(own.trace_flags):02x}")
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__qualname__)
            raise
        finally:
            _current.reset(token)


def configure_tracing(name: str, endpoint: str) -> None:
    """Spans go to the collector at `endpoint`, in batches."""
    global _tracer
    # Half a second of imports, for who asks for spans.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    _tracer = provider.get_tracer("chassis")
