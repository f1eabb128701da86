"""The stage that a service runs in, where a file of the machine tells it."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator

from app.dynamic_config.reading import read_json
from app.static_config.config_file import unreadable
from app.static_config.errors import ConfigFileError, OptionError

KEY: Final = "env_name"


def read_stage(name: str) -> str:
    """Return the stage that a JSON file tells as its `env_name`; "" if no file is named.

    Raises:
        OptionError: it cannot be read, or tells none.
    """
    if not name:
        return ""
    path = Path(name)
    try:
        stage = read_json(path).value_at((KEY,))
    except ConfigFileError as error:
        raise OptionError({(): str(error)}) from None
    except (OSError, ValueError) as error:
        raise OptionError({(): unreadable(path, error)}) from None
    if not isinstance(stage, str) or not stage:
        raise OptionError({(): f"{path.absolute()}: expected the stage, a text, as {KEY!r}"})
    return stage


StageOfFile = Annotated[str, AfterValidator(read_stage)]
"""An option that names such a file; in code it has the stage, so that workers read no file."""
