"""What a service and its config service say to each other: JSON, by POST."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

VALUES_PATH: Final = "/configs/values"


class ValuesRequest(BaseModel):
    """What a service asks for.

    Args:
        ids: Names of the variables whose values it wants; None: all.
        updated_since: The `updated_at` of the last answer; None: everything.
        service: Whose overrides are to be taken into account.
        stage_name: Which stage's.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    ids: list[str] | None = None
    updated_since: str | None = None
    service: str | None = None
    stage_name: str | None = None


class ValuesAnswer(BaseModel):
    """What the config service answers.

    Args:
        configs: Values by the names of their variables: all, or those that have changed since.
        updated_at: The time of the last change, or another text that grows with each change.
        removed: Names of variables that have no value any more.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    configs: dict[str, Any]
    updated_at: str
    removed: list[str] = Field(default_factory=list)
