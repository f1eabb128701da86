"""The variable with the limits of connections."""

from typing import Annotated, Any, Final

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel
from app.websocket.limits import Limits


def _optional(field: FieldInfo) -> Any:
    """Return the same option without a default: it need not be there."""
    parts = field.asdict()
    type_, marks = parts["annotation"], parts["metadata"]
    return Annotated[(type_, *marks, Field(**{**parts["attributes"], "default": None}))]


_OPTIONS: Final = {name: _optional(field) for name, field in Limits.model_fields.items()}


class LimitsOverride(
    create_model("_LimitsOverride", __base__=ConfigModel, **_OPTIONS)  # type: ignore[misc]
):
    """Options of one handler, for connections that are open and those to come.

    They are those of its section in the static config, and written like there. One that is not
    here is as it is there.
    """


def limits_with(limits: Limits, override: LimitsOverride | None) -> Limits:
    """Return `limits` with the options that the override has instead of its own.

    Raises:
        OptionError: they do not go together.
    """
    values = {name: getattr(limits, name) for name in Limits.model_fields}
    changes = {} if override is None else override.model_dump(exclude_unset=True)
    effective = Limits.model_construct(**{**values, **changes})
    effective.raise_if_contradictory()
    return effective


WEBSOCKET_LIMITS = Variable(
    "WEBSOCKET_LIMITS",
    dict[str, LimitsOverride],
    {},
    description="Limits of a handler's connections, by the name of the handler; instead of what its"
    " section says.",
    reader="`app/handlers`, when the value changes: connections that are open are told",
)
