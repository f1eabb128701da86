"""The variables that say what is logged of a request and how it is answered."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from app.dynamic_config.variable import Variable


def _check_header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError("expected the name of a header, as 'User-Agent'")
    return value.lower()


_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

HeaderName = Annotated[str, AfterValidator(_check_header_name)]
"""The name of a header (RFC 9110 section 5.1), which is the same in any case; here in lower."""

USERVER_LOG_REQUEST = Variable(
    "USERVER_LOG_REQUEST",
    bool,
    True,
    description="Whether it is logged what each request to a handler asks for: its method and its"
    " URI, the length of its body, and what its headers `User-Agent`, `Accept-Language` and"
    " `X-Request-Application` say. A plain HTTP request has a line as it begins, `request"
    " received`; the handshake of a WebSocket connection has all that in the line that tells how it"
    " was answered, such as `connection opened`. A URI is logged with its query, which therefore is"
    " no place for secrets. Bodies are not logged.",
    reader="`app/server`, at each request",
)
USERVER_LOG_REQUEST_HEADERS = Variable(
    "USERVER_LOG_REQUEST_HEADERS",
    bool,
    False,
    description="Whether that line has the headers of the request, too, as JSON: those that"
    " `USERVER_LOG_REQUEST_HEADERS_WHITELIST` names first, with their values, and of all others the"
    " names, with `***` for the value. How much there is room for is an option of the handler,"
    " `request_headers_size_log_limit`. Only with `USERVER_LOG_REQUEST`.",
    reader="`app/server`, at each request",
)
USERVER_LOG_REQUEST_HEADERS_WHITELIST = Variable(
    "USERVER_LOG_REQUEST_HEADERS_WHITELIST",
    list[HeaderName],
    [],
    description="Names, in any case, of the headers whose values are logged. Whoever reads the log"
    " may read these, `Authorization` and `Cookie` for instance.",
    reader="`app/server`, at each request",
)
USERVER_HANDLER_STREAM_API_ENABLED = Variable(
    "USERVER_HANDLER_STREAM_API_ENABLED",
    bool,
    False,
    description="Whether handlers with `response-body-stream` send an answer in parts, while they"
    " make it. If not, they send it whole.",
    reader="`app/server`, at each request",
    no_effect_yet=True,
)
