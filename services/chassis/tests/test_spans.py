"""Spans reach a collector: a real process, and a real HTTP server that takes what it exports."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from local_stack.ports import free_port
from tests.harness.eventually import eventually
from tests.harness.run import ROOT

PROCESS = """
from fastapi import APIRouter
from chassis.http import allow_anyone, application
from chassis.serving import serve
from chassis.settings import ProcessSettings

router = APIRouter(dependencies=[allow_anyone()])

@router.get("/short")
async def short() -> str:
    return "short"

settings = ProcessSettings.read()
serve("traced", application("traced", settings, routers=[router]), settings)
"""
TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """Takes what is exported to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[tuple[str, ExportTraceServiceRequest]] = []


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        said = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((self.path, said))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library names it
        """Nothing on the terminal."""


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as found:
        taking = threading.Thread(target=found.serve_forever)
        taking.start()
        yield found
        found.shutdown()
        taking.join()


@contextmanager
def traced(endpoint: str) -> Iterator[str]:
    """The URL of a process that exports its spans there."""
    port = free_port()
    told = {
        "PORT": str(port),
        "OTLP_ENDPOINT": endpoint,
        "REVIVED": "true",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "no_proxy": "127.0.0.1",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS], cwd=ROOT, env={**os.environ, **told}, stdout=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


async def asked(url: str) -> httpx2.Response:
    """The answer to a request that belongs to a trace, once the process answers at all."""
    async with httpx2.AsyncClient(trust_env=False) as client:

        async def ask() -> httpx2.Response:
            try:
                return await client.get(f"{url}/short", headers={"traceparent": f"00-{TRACE}-{ABOVE}-01"})
            except httpx2.ConnectError as error:
                raise AssertionError("nobody answers yet") from error

        return await eventually(ask, within=60)


async def test_a_span_reaches_the_collector_and_belongs_to_the_trace_of_its_request() -> None:
    with collecting() as collector, traced(f"http://127.0.0.1:{collector.server_port}/") as url:
        assert (await asked(url)).status_code == 200
        await eventually(lambda: collector.taken, within=20)
    path, said = collector.taken[0]
    assert path == "/v1/traces"
    [resource] = said.resource_spans
    names = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert names["service.name"] == "traced"
    [span] = [each for scope in resource.scope_spans for each in scope.spans]
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("HTTP GET", TRACE, ABOVE)
    assert [each.key for each in span.attributes] == []  # nothing of the request: an address may name somebody


async def test_a_collector_that_is_away_holds_nobody_up() -> None:
    with traced(f"http://127.0.0.1:{free_port()}") as url:
        answers = [(await asked(url)).status_code for _ in range(20)]
    assert answers == [200] * 20
