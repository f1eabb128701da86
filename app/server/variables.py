"""The variables that say what is logged of a request and how it is answered."""

from app.dynamic_config.variable import Variable

USERVER_LOG_REQUEST = Variable("USERVER_LOG_REQUEST", bool, True, no_effect_yet=True)
USERVER_LOG_REQUEST_HEADERS = Variable(
    "USERVER_LOG_REQUEST_HEADERS", bool, False, no_effect_yet=True
)
USERVER_HANDLER_STREAM_API_ENABLED = Variable(
    "USERVER_HANDLER_STREAM_API_ENABLED", bool, False, no_effect_yet=True
)
