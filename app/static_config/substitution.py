"""Puts in what a config takes from elsewhere: variables, the environment, other files.

For an option `K`:

- `K: $v` is the variable `v` of the config vars: their `v`, else what their `v#env`, `v#file` and
  `v#fallback` lead to; else what `K#env`, `K#file` and `K#fallback`, beside it, lead to.
- `K#env: NAME` is the environment variable `NAME`, read as YAML; one that is empty is not there.
- `K#file: FILE` is all of a YAML file; one that is not there is passed over.
- `K#fallback: VALUE` is the value if none of those beside it leads to one.
- `K: value` is the value, whatever stands beside it.

In a list, `$v` is a variable of the config vars. A value that was put in is taken as it is: `$` and
`#` mean nothing in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from app.static_config.document import Document, OptionPath, Place, Places, Problem
from app.static_config.errors import ConfigFileError, did_you_mean
from app.static_config.lookup import ENV, FALLBACK, FILE, Found, Lookup, Surroundings, option_of


@dataclass(frozen=True, slots=True)
class Substituted:
    """A document with all values put in, and what is allowed in it, and probably not meant."""

    document: Document
    warnings: tuple[Problem, ...]


def substitute(document: Document, surroundings: Surroundings) -> Substituted:
    """Put in all values that `document` takes from elsewhere."""
    work = _Substitution(document, surroundings)
    value = work.resolve(document.value, ())
    resolved = Document(
        value,
        Places(document.places.document, work.places),
        work.written,
        frozenset(work.undecided),
        work.absent,
        tuple(work.problems),
    )
    return Substituted(resolved, tuple(work.warnings))


class _Substitution:
    def __init__(self, document: Document, surroundings: Surroundings) -> None:
        self.places: dict[OptionPath, Place] = {}
        self.written: dict[OptionPath, str] = {}
        self.undecided: set[OptionPath] = set(document.undecided)
        self.absent: dict[OptionPath, str] = {}
        self.problems: list[Problem] = list(document.problems)
        self.warnings: list[Problem] = []
        self._document = document
        self._around = surroundings

    def resolve(self, value: object, path: OptionPath) -> object:
        """Return the value with all that it takes from elsewhere put in."""
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, list):
            return self._list(value, path)
        if path in self._document.written:
            self.written[path] = self._document.written[path]
        return value

    def _mapping(self, mapping: Mapping[str, object], path: OptionPath) -> dict[str, object]:
        keys: dict[str, str] = {}
        for key in mapping:
            keys.setdefault(option_of(key), key)
        values: dict[str, object] = {}
        for name, key in keys.items():
            option = (*path, name)
            self.places[option] = self._document.places.of((*path, key))
            given = mapping.get(name)
            if name in mapping and not _is_reference(given):
                values[name] = self.resolve(given, option)
                self._warn_of_passed_over(mapping, option)
            elif found := self._find(given, option):
                values[name] = self._put_in(found, option)
        return values

    def _list(self, items: list[object], path: OptionPath) -> list[object]:
        values: list[object] = []
        for index, item in enumerate(items):
            option = (*path, index)
            self.places[option] = self._document.places.of(option)
            if not _is_reference(item):
                values.append(self.resolve(item, option))
            elif found := self._find(item, option):
                values.append(self._put_in(found, option))
            else:
                values.append(None)  # what follows keeps its position
        return values

    def _find(self, given: object, option: OptionPath) -> Found | None:
        """Return what is to be put in at `option`, which is `given` as a reference or not at all.

        If there is nothing, it is noted why.
        """
        lookup = Lookup(self._around)
        *path, name = option
        try:
            found = lookup.variable(given[1:]) if _is_reference(given) else None
            if found is None and isinstance(name, str):
                found = lookup.beside(
                    self._document, tuple(path), name, falls_back=_is_reference(given)
                )
        except ConfigFileError as error:
            self.problems += error.problems
            self.undecided.add(option)
            return None
        if found is None and _is_reference(given):
            self.undecided.add(option)
            if not self._around.variables_unreadable:
                text = self._unresolved(given[1:], lookup.in_vain)
                self.problems.append(Problem(self.places[option], option, text))
        elif found is None:
            self.absent[option] = "; ".join(lookup.in_vain)
        return found

    def _put_in(self, found: Found, option: OptionPath) -> object:
        """Return the value found, and note for all that is in it that it stands at `option`."""
        source, length = found.document, len(found.path)

        def here(path: OptionPath) -> OptionPath:
            return (*option, *path[length:])

        def is_part(path: OptionPath) -> bool:
            return path[:length] == found.path

        place = self.places[option]
        whole = source.places.of(found.path)
        for path, each in {found.path: whole, **source.places.options}.items():
            if is_part(path) and found.origin is not None:
                self.places[here(path)] = Place(place.file, place.line, found.origin(each))
            elif is_part(path):
                self.places[here(path)] = each
        if found.value is None and found.origin is not None:
            self.absent[option] = f"there is nothing in {found.origin(whole)}"
        self.written |= {here(path): text for path, text in source.written.items() if is_part(path)}
        self.undecided |= {here(path) for path in source.undecided if is_part(path)}
        return found.value

    def _unresolved(self, name: str, in_vain: list[str]) -> str:
        """Return what to say of a variable that nothing gives a value."""
        around = self._around
        if around.variables is None:
            why = f" ({around.no_variables})" if around.no_variables else ""
            text = f"there is no variable {name!r}, and no file of variables is named{why}"
            return "; ".join((text, *in_vain, "name one with 'config_vars: FILE'"))
        names = dict.fromkeys(option_of(key) for key in around.variables.mapping())
        file = around.variables.places.document.file
        if name in names:
            return "; ".join((f"variable {name!r} in {file} has no value", *in_vain))
        text = "; ".join((f"there is no variable {name!r} in {file}", *in_vain))
        return f"{text}{did_you_mean(name, names)}"

    def _warn_of_passed_over(self, mapping: Mapping[str, object], option: OptionPath) -> None:
        for suffix in (ENV, FILE, FALLBACK):
            key = f"{option[-1]}{suffix}"
            if key in mapping:
                beside = (*option[:-1], key)
                text = f"has no effect, since {option[-1]!r} has a value of its own"
                place = self._document.places.of(beside)
                self.warnings.append(Problem(place, beside, text))


def _is_reference(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith("$")
