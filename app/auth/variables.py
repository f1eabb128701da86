"""The variable that switches all checks of who may enter."""

from app.dynamic_config.variable import Variable

USERVER_CHECK_AUTH_IN_HANDLERS = Variable(
    "USERVER_CHECK_AUTH_IN_HANDLERS",
    bool,
    True,
    description="Whether handlers with `auth` check who may enter. If not, everybody may.",
    reader="`app/auth`, at each request",
    no_effect_yet=True,
)
