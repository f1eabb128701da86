"""How the admin API shows things, in JSON. `docs/config_service.md` has them all."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.config_service.changes import Change, Target, written_time
from app.config_service.editing import NEVER_SET
from app.config_service.known_variables import HandIn, KnownVariables, Problem
from app.config_service.state import State

Form = dict[str, Any]


def value_form(target: Target, last: Change | None, problems: Iterable[Problem]) -> Form:
    """Return what is set for a variable on a level, by the last change there."""
    value = last.draft.value if last else None
    return {
        **_target(target),
        "is_set": value is not None,
        **_value("value", value),
        "revision": NEVER_SET,
        **(_change(last) if last else {}),
        "errors": [problem_form(each) for each in problems],
    }


def change_form(change: Change) -> Form:
    """Return a change, as the history has it."""
    draft = change.draft
    values = {**_value("value", draft.value), **_value("previous", draft.previous)}
    return {**_change(change), **_target(draft.target), **values}


def effective_forms(state: State, known: KnownVariables, service: str, stage: str) -> list[Form]:
    """Return what who asks so gets, and what the code of that service has where it gets nothing."""
    effective = state.effective(service, stage)
    handed_in = known.services.get(service)
    variables = handed_in.variables if handed_in else {}
    defaults = {name: each.default for name, each in variables.items() if each.has_default}
    forms: list[Form] = []
    for name in sorted({*effective, *defaults}):
        change = effective.get(name)
        if change is None:
            forms.append({"name": name, "level": "default", "value": defaults[name]})
            continue
        target = change.draft.target
        shown = {**_target(target), **_value("value", change.draft.value), **_change(change)}
        forms.append({"name": name, "level": target.level.kind, **shown})
    return forms


def variables_form(state: State, known: KnownVariables) -> Form:
    """Return all variables, services and stages that there are."""
    levels = list(state.levels())
    services: dict[str, HandIn | None] = {level.service: None for level in levels if level.service}
    services |= known.services
    names = {name for level in levels for name in state.names_on(level)}
    knowing: dict[str, list[Form]] = {name: [] for name in names}
    for service, handed_in in sorted(known.services.items()):
        for name, variable in handed_in.variables.items():
            shown = variable.model_dump(by_alias=True, exclude_unset=True)
            knowing.setdefault(name, []).append({"service": service, **shown})
    return {
        "revision": state.revision,
        "services": [
            {"name": name, **({"handed_in_at": given.at} if given else {})}
            for name, given in sorted(services.items(), key=lambda item: item[0])
        ],
        "stages": sorted({level.stage for level in levels if level.stage}),
        "variables": [{"name": name, "services": knowing[name]} for name in sorted(knowing)],
    }


def problem_form(problem: Problem) -> Form:
    """Return what is wrong with a value."""
    form: Form = {"path": list(problem.path), "text": problem.text}
    return {**form, "services": list(problem.services)} if problem.services else form


def refused_forms(problems: Mapping[Target, Iterable[Problem]]) -> list[Form]:
    """Return what is wrong with values of several targets."""
    return [
        {**_target(target), **problem_form(each)}
        for target, theirs in problems.items()
        for each in theirs
    ]


def _target(target: Target) -> Form:
    return {"name": target.name, "service": target.level.service, "stage": target.level.stage}


def _change(change: Change) -> Form:
    made_at, draft = written_time(change.at), change.draft
    return {"revision": change.revision, "at": made_at, "who": draft.who, "why": draft.why}


def _value(key: str, value: str | None) -> Form:
    return {} if value is None else {key: json.loads(value)}
