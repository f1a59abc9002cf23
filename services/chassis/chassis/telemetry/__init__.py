"""What a process tells about itself: logs without personal data, metrics, traces."""

from typing import TYPE_CHECKING

from chassis.telemetry.logs import configure_logs
from chassis.telemetry.tracing import configure_tracing, continued, traceparent

if TYPE_CHECKING:
    from chassis.settings import ProcessSettings

__all__ = ["configure", "continued", "traceparent"]


def configure(name: str, settings: "ProcessSettings") -> None:
    """Logs as JSON lines on standard output; traces where the settings send them. Once, when a process begins."""
    configure_logs(name, settings.log_level)
    if settings.otlp_endpoint:
        configure_tracing(name, settings.otlp_endpoint)
