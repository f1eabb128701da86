"""The variable that switches all checks of who may enter."""

from app.dynamic_config.variable import Variable

USERVER_CHECK_AUTH_IN_HANDLERS = Variable(
    "USERVER_CHECK_AUTH_IN_HANDLERS", bool, True, no_effect_yet=True
)
