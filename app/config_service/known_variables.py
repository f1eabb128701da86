"""Which variables services know, by what they have handed in."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from app.config_service.changes import Level
from app.config_service.json_schema import SchemaCheck, wrong_schema
from app.config_updates.protocol import VariableSchema
from app.static_config.document import OptionPath
from app.static_config.errors import did_you_mean

MAX_SERVICES: Final = 1000
"""How many services may hand in what they know."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value: where in it, what, and which services would refuse it."""

    path: OptionPath
    text: str
    services: tuple[str, ...] = ()


class HandIn:
    """What one service has handed in.

    Args:
        at: When, as ISO 8601 has it.
        variables: What it knows.
    """

    def __init__(self, at: str, variables: Mapping[str, VariableSchema]) -> None:
        self.at: Final = at
        self.variables: Final = variables
        # Made when there is a value to be checked.
        self.checks: Final[dict[str, SchemaCheck]] = {}

    def stored(self) -> str:
        """Return it as JSON."""
        variables = _VARIABLES.dump_python(dict(self.variables), by_alias=True, exclude_unset=True)
        return json.dumps({"at": self.at, "variables": variables}, ensure_ascii=False)

    @classmethod
    def of_stored(cls, stored: str) -> "HandIn":
        """Return what was stored."""
        document = json.loads(stored)
        return cls(document["at"], _VARIABLES.validate_python(document["variables"]))


class KnownVariables:
    """What all services have handed in. Belongs to one thread."""

    def __init__(self) -> None:
        self._stored: dict[str, str] = {}
        self._version = ""
        self._services: dict[str, HandIn] = {}
        # Many services know the same variable: there is one check of its schema.
        self._checks: dict[str, SchemaCheck] = {}

    @property
    def version(self) -> str:
        """What differs where services have handed in something else."""
        return self._version

    @property
    def services(self) -> Mapping[str, HandIn]:
        """What each service has handed in, by its name."""
        return self._services

    def has(self, service: str, variables: Mapping[str, VariableSchema]) -> bool:
        """Return whether a service has handed in just that."""
        handed_in = self._services.get(service)
        return handed_in is not None and handed_in.variables == variables

    def take(self, stored: Mapping[str, str]) -> None:
        """Go on to what is stored by now."""
        if stored == self._stored:
            return
        self._services = {
            service: self._services[service]
            if self._stored.get(service) == text
            else HandIn.of_stored(text)
            for service, text in stored.items()
        }
        self._stored = dict(stored)
        texts = json.dumps(self._stored, sort_keys=True)
        self._version = hashlib.sha256(texts.encode()).hexdigest()[:16]
        self._checks.clear()

    def knowing(self, name: str, level: Level) -> dict[str, VariableSchema]:
        """Return what the services say of a variable that a level reaches, if they know it."""
        return {
            service: handed_in.variables[name]
            for service, handed_in in self._reached(level)
            if name in handed_in.variables
        }

    def problems(self, name: str, level: Level, value: object) -> list[Problem]:
        """Return what is wrong with a value of a variable on a level, by all that know it."""
        checks: dict[SchemaCheck, list[str]] = {}
        for service in self.knowing(name, level):
            checks.setdefault(self._check(service, name), []).append(service)
        services: dict[tuple[OptionPath, str], list[str]] = {}
        for check, theirs in checks.items():
            for error in check.errors(value):
                services.setdefault(error, []).extend(theirs)
        return [Problem(path, text, tuple(who)) for (path, text), who in services.items()]

    def unknown(self, name: str, level: Level) -> Problem | None:
        """Return what to say of a variable that no service knows that a level reaches."""
        if self.knowing(name, level):
            return None
        names = {each for _, given in self._reached(level) for each in given.variables}
        if level.service:
            who, knows, handed_in = (
                f"service {level.service!r}",
                "does not know",
                "has not handed in",
            )
        else:
            who, knows, handed_in = "no service", "knows", "has handed in"
        if not names:
            return Problem((), f"{who} {handed_in} what it knows ({_WAY_OUT})")
        return Problem((), f"{who} {knows} {name!r} ({_WAY_OUT}){did_you_mean(name, names)}")

    def _reached(self, level: Level) -> Iterator[tuple[str, HandIn]]:
        if not level.service:
            yield from self._services.items()
        elif level.service in self._services:
            yield level.service, self._services[level.service]

    def _check(self, service: str, name: str) -> SchemaCheck:
        handed_in = self._services[service]
        check = handed_in.checks.get(name)
        if check is None:
            schema = handed_in.variables[name].schema_
            check = self._checks.setdefault(json.dumps(schema), SchemaCheck(schema))
            handed_in.checks[name] = check
        return check


def wrong_variables(variables: Mapping[str, VariableSchema]) -> list[Problem]:
    """Return what is wrong with what a service hands in; slow, and may be called in any thread."""
    return [
        Problem(("variables", name, *path), text)
        for name, variable in variables.items()
        for path, text in _wrong(variable)
    ]


def _wrong(variable: VariableSchema) -> Iterable[tuple[OptionPath, str]]:
    if text := wrong_schema(variable.schema_):
        return [(("schema",), text)]
    if not variable.has_default:
        return []
    errors = SchemaCheck(variable.schema_).errors(variable.default)
    return [(("default", *path), text) for path, text in errors]


_WAY_OUT: Final = "allow_unknown sets it unchecked"

_VARIABLES: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(dict[str, VariableSchema])
