"""The variables that say what is logged of a request and how it is answered."""

from app.dynamic_config.variable import Variable

USERVER_LOG_REQUEST = Variable(
    "USERVER_LOG_REQUEST",
    bool,
    True,
    description="Whether a line is logged as each request begins, and the beginning of its body"
    " and of the answer's with it.",
    reader="`app/server`, at each request",
    no_effect_yet=True,
)
USERVER_LOG_REQUEST_HEADERS = Variable(
    "USERVER_LOG_REQUEST_HEADERS",
    bool,
    False,
    description="Whether the headers of the request are logged, too; only with"
    " `USERVER_LOG_REQUEST`.",
    reader="`app/server`, at each request",
    no_effect_yet=True,
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
