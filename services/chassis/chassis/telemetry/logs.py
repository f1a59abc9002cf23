"""Logs: one JSON object a line on standard output, the house's and every library's alike."""

import logging
import sys
from typing import Any, Final, TextIO

import structlog

from chassis.telemetry.redaction import exceptions, redact
from chassis.telemetry.repeating import SaidBefore
from chassis.telemetry.tracing import trace_id

_NOISY: Final = {
    "uvicorn.access": logging.CRITICAL,
    "uvicorn.error": logging.WARNING,
    "aiokafka": logging.WARNING,
    "faststream": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "alembic": logging.WARNING,
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "python_multipart": logging.WARNING,
    "multipart": logging.WARNING,
    "asyncio": logging.ERROR,
}
"""Libraries that log what nobody reads, or what somebody sent."""


_render = structlog.processors.JSONRenderer()


def configure_logs(name: str, level: str = "INFO") -> None:
    """From now on every line is JSON, masked, and names the process: the house's own and every library's."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    _take_libraries(number, configure_own(name, number))


def configure_own(name: str, level: int = logging.INFO) -> list[structlog.typing.Processor]:
    """The same for the house's own lines alone; what is done to each line is returned."""

    def add_process(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = name
        trace = trace_id()
        if trace:
            event["trace"] = trace
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        exceptions,
        redact,
        # What follows the mask is ours: a trace's id or a time must not be taken for somebody's number.
        add_process,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    return shared


class _ToStandardOutput(logging.StreamHandler[TextIO]):
    """Writes to what standard output is at that moment, as structlog does."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # nobody sets it
        return sys.stdout


def _take_libraries(level: int, shared: list[structlog.typing.Processor]) -> None:
    handler = _ToStandardOutput()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
            use_get_message=True,
        )
    )
    handler.addFilter(SaidBefore("aiokafka"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy, least in _NOISY.items():
        logger = logging.getLogger(noisy)
        logger.setLevel(max(least, level))
        logger.handlers = []
        logger.propagate = True
    logging.captureWarnings(capture=True)
