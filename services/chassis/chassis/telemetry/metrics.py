"""Measurements, in the words of Prometheus."""

from typing import Final

from prometheus_client import REGISTRY, Counter, Histogram

REQUESTS: Final = Histogram(
    "http_request_duration_seconds",
    "Seconds from a request's arrival to the end of its answer.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
TIMER_RUNS: Final = Counter("timer_runs", "Runs of a timer, by how they ended.", ["timer", "result"])
TIMER_SECONDS: Final = Histogram("timer_duration_seconds", "Seconds that a run of a timer takes.", ["timer"])
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request and how long it took. `route` is a pattern, so that there are as many series as routes."""
    REQUESTS.labels(method if method in _METHODS else "other", route, str(status)).observe(seconds)


def exposition() -> tuple[bytes, str]:
    """Everything measured, as OpenMetrics, and its content type."""
    from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]  # it has no types
