"""Which variables services know, by what they have handed in."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from app.config_service.changes import Level
from app.config_service.json_schema import MAX_ERRORS, SchemaCheck
from app.config_service.steps import MANY_STEPS, Steps
from app.config_updates.protocol import VariableSchema
from app.static_config.document import OptionPath
from app.static_config.errors import did_you_mean

MAX_SERVICES: Final = 1000
"""How many services may hand in what they know."""

TOO_MANY_SERVICES: Final = (
    f"{MAX_SERVICES} services have handed in theirs already; one that is gone is forgotten by"
    " DELETE /admin/api/services/NAME"
)


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
        self._digests: dict[str, str] = {}
        self._version = ""
        self._services: dict[str, HandIn] = {}
        # Many services know the same variable: there is one check of its schema.
        self._checks: WeakValueDictionary[str, SchemaCheck] = WeakValueDictionary()

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

    def take(self, stored: Mapping[str, str | None]) -> None:
        """Go on to what is stored by now of some services; None: nothing any more."""
        if not stored:
            return
        for service, text in stored.items():
            self._services.pop(service, None)
            self._digests.pop(service, None)
            if text is not None:
                self._services[service] = HandIn.of_stored(text)
                self._digests[service] = _digest(text)
        self._version = _digest(json.dumps(self._digests, sort_keys=True))[:16]

    def knowing(self, name: str, level: Level) -> dict[str, VariableSchema]:
        """Return what the services say of a variable that a level reaches, if they know it."""
        return {
            service: handed_in.variables[name]
            for service, handed_in in self._reached(level)
            if name in handed_in.variables
        }

    def problems(
        self, name: str, level: Level, value: object, steps: Steps | None = None
    ) -> list[Problem]:
        """Return what is wrong with a value of a variable on a level, by all that know it.

        Args:
            name: The variable's.
            level: The level.
            value: As it stands in JSON.
            steps: What this may take; by default `MAX_STEPS`.
        """
        steps = steps or Steps()
        checks: dict[SchemaCheck, list[str]] = {}
        for service in self.knowing(name, level):
            checks.setdefault(self._check(service, name), []).append(service)
        services: dict[tuple[OptionPath, str], list[str]] = {}
        for check, theirs in checks.items():
            for error in check.errors(value, steps):
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
        return Problem((), f"{who} {knows} {name!r} ({_WAY_OUT}){_hint(name, names)}")

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
            text = json.dumps(schema)
            check = self._checks.get(text)
            if check is None:
                self._checks[text] = check = SchemaCheck(schema)
            handed_in.checks[name] = check
        return check


def _hint(name: str, names: Collection[str]) -> str:
    # All names of many services would take seconds.
    return did_you_mean(name, names) if len(names) <= _COMPARED else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def wrong_variables(variables: Mapping[str, VariableSchema]) -> list[Problem]:
    """Return what is wrong with what a service hands in; slow, and may be called in any thread."""
    steps = Steps(MANY_STEPS)
    problems = (
        Problem(("variables", name, *path), text)
        for name, variable in variables.items()
        for path, text in _wrong(variable, steps)
    )
    return list(islice(problems, MAX_ERRORS))


def _wrong(variable: VariableSchema, steps: Steps) -> Iterable[tuple[OptionPath, str]]:
    check = SchemaCheck(variable.schema_)
    if check.wrong:
        return [(("schema",), check.wrong)]
    if not variable.has_default:
        return []
    errors = check.errors(variable.default, steps)
    return [(("default", *path), text) for path, text in errors]


_COMPARED: Final = 1000
_WAY_OUT: Final = "allow_unknown sets it unchecked"

_VARIABLES: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(dict[str, VariableSchema])
