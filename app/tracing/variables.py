"""The variables that say what is propagated with a request, and which spans are logged."""

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel


class BaggageSettings(ConfigModel):
    """Which entries of the `baggage` header are taken over; all others are dropped."""

    allowed_keys: list[str] = Field(
        description="Keys of entries that are taken over. Empty: none are."
    )


class NoLogSpans(ConfigModel):
    """Which spans are not logged."""

    names: list[str] = Field(description="Names of spans, such as `ws/websocket-handler`.")
    prefixes: list[str] = Field(
        description="How names of spans begin; an empty text stands for all spans."
    )


BAGGAGE_SETTINGS = Variable(
    "BAGGAGE_SETTINGS",
    BaggageSettings,
    {"allowed_keys": []},
    description="Which entries of the `baggage` header are taken over.",
    reader="`app/tracing`, at each request",
    no_effect_yet=True,
)
USERVER_BAGGAGE_ENABLED = Variable(
    "USERVER_BAGGAGE_ENABLED",
    bool,
    False,
    description="Whether the `baggage` header is read, and passed on with outgoing requests.",
    reader="`app/tracing`, at each request",
    no_effect_yet=True,
)
USERVER_DEADLINE_PROPAGATION_ENABLED = Variable(
    "USERVER_DEADLINE_PROPAGATION_ENABLED",
    bool,
    True,
    description="Whether a client's deadline is kept, and passed on with outgoing requests. It is"
    " in the header `X-YaTaxi-Client-TimeoutMs`: milliseconds from the start of the request.",
    reader="`app/tracing`, at each request",
    no_effect_yet=True,
)
USERVER_CANCEL_HANDLE_REQUEST_BY_DEADLINE = Variable(
    "USERVER_CANCEL_HANDLE_REQUEST_BY_DEADLINE",
    bool,
    False,
    description="Whether a handler is cancelled when the deadline of its request comes. If not, it"
    " runs to its end; either way the answer is that the deadline has passed.",
    reader="`app/tracing`, at each request",
    no_effect_yet=True,
)
USERVER_NO_LOG_SPANS = Variable(
    "USERVER_NO_LOG_SPANS",
    NoLogSpans,
    {"names": [], "prefixes": []},
    description="Which spans are not logged. The log lines within them are.",
    reader="`app/tracing`, at the start of each span",
    no_effect_yet=True,
)
