"""What a service and its config service say to each other: JSON, by POST."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import override

VALUES_PATH: Final = "/configs/values"
SCHEMAS_PATH: Final = "/configs/schemas"


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

    def body(self) -> str:
        """Return it as JSON, without what is None."""
        return self.model_dump_json(exclude_none=True)


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
    _digests: dict[str, bytes] = PrivateAttr(default_factory=dict)

    @override
    def model_post_init(self, context: object, /) -> None:
        # Now, in the thread that has parsed it: of a long answer this takes as long.
        self._digests.update((name, _digest(value)) for name, value in self.configs.items())

    @property
    def digests(self) -> Mapping[str, bytes]:
        """What is the same for two values if they are as JSON, where 1 is neither true nor 1.0."""
        return self._digests


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


class VariableSchema(BaseModel):
    """What a service says of one of its variables.

    Args:
        schema_: The JSON Schema (draft 2020-12) of its values.
        default: The value that it has where nobody gives one; may be left out.
        description: What it does.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, validate_by_name=True)

    schema_: dict[str, Any] = Field(alias="schema")
    default: Any = None
    description: str = ""

    @property
    def has_default(self) -> bool:
        """Whether the default was not left out."""
        return "default" in self.model_fields_set


class SchemasRequest(BaseModel):
    """What a service hands in when it starts: all that it knows, instead of what it did before.

    Args:
        service: Its name.
        variables: Its variables, by their names.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    service: str
    variables: dict[str, VariableSchema]

    def body(self) -> str:
        """Return it as JSON."""
        return self.model_dump_json(by_alias=True)


class Misfit(BaseModel):
    """A value that is set for a service, and that the service would not take.

    Args:
        name: The name of the variable.
        service: The service that it is set for; "" if for all.
        stage: The stage that it is set for; "" if for all.
        path: What leads to what is wrong within the value.
        text: What is wrong.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    service: str = ""
    stage: str = ""
    path: list[str | int]
    text: str


class SchemasAnswer(BaseModel):
    """What the config service answers to that.

    Args:
        misfits: Values that are not good by what was handed in.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    misfits: list[Misfit] = Field(default_factory=list)
