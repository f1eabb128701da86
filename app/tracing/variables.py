"""The variables that say what is propagated with a request, and which spans are logged."""

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel


class BaggageSettings(ConfigModel):
    """Which keys of the `baggage` header are taken over; all others are dropped."""

    allowed_keys: list[str]


class NoLogSpans(ConfigModel):
    """Spans that are not logged: by name, and by how the name begins."""

    names: list[str]
    prefixes: list[str]


BAGGAGE_SETTINGS = Variable(
    "BAGGAGE_SETTINGS", BaggageSettings, {"allowed_keys": []}, no_effect_yet=True
)
USERVER_BAGGAGE_ENABLED = Variable("USERVER_BAGGAGE_ENABLED", bool, False, no_effect_yet=True)
USERVER_DEADLINE_PROPAGATION_ENABLED = Variable(
    "USERVER_DEADLINE_PROPAGATION_ENABLED", bool, True, no_effect_yet=True
)
USERVER_CANCEL_HANDLE_REQUEST_BY_DEADLINE = Variable(
    "USERVER_CANCEL_HANDLE_REQUEST_BY_DEADLINE", bool, False, no_effect_yet=True
)
USERVER_NO_LOG_SPANS = Variable(
    "USERVER_NO_LOG_SPANS", NoLogSpans, {"names": [], "prefixes": []}, no_effect_yet=True
)
