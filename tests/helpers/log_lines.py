"""Lines of a service's log in tskv, and those of one connection."""

import secrets

from tests.helpers.raw_client import RawClient, request_head
from tests.helpers.service_process import ServiceProcess

LINE_TIMEOUT = 10.0

Line = dict[str, str]


def parsed(log: str) -> list[Line]:
    """Return the fields of each line of a log; values stay escaped."""
    return [
        dict(field.split("=", 1) for field in line.removeprefix("tskv\t").split("\t"))
        for line in log.splitlines()
        if line.startswith("tskv\t")
    ]


def new_trace() -> tuple[str, str]:
    """Return a trace id and the header line that brings it along."""
    trace_id = secrets.token_hex(16)
    return trace_id, f"traceparent: 00-{trace_id}-00f067aa0ba902b7-01"


def opened(service: ServiceProcess, path: str, *header_lines: str) -> RawClient:
    client = RawClient(service.port)
    client.send(request_head(path, *header_lines))
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    return client


def traced(service: ServiceProcess, trace_id: str) -> list[Line]:
    """Return all lines of this trace id, once the connection is over."""
    end = rf"\ttrace_id={trace_id}\t.*\ttext=connection (closed|refused)\t"
    service.wait_for_line(end, LINE_TIMEOUT)
    return [line for line in parsed(service.log()) if line.get("trace_id") == trace_id]
