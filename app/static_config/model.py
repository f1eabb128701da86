"""The base of every config model, and the marks that its fields may have."""

import enum
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from app.static_config.document import OptionPath


class Mark(enum.Enum):
    """What a field is besides its type: `Annotated[int, Mark.NO_EFFECT_YET]`."""

    NO_EFFECT_YET = enum.auto()
    """It is validated, but not read yet."""

    TASK_PROCESSOR = enum.auto()
    """It is the name of a task processor, which must be there."""


NO_EFFECT_YET: Final = Mark.NO_EFFECT_YET

TaskProcessorName = Annotated[str, Mark.TASK_PROCESSOR]
"""An option that names one of the `task_processors`."""


class ConfigModel(BaseModel):
    """A section of a config file.

    Unknown keys are refused, types are not coerced (`"8080"` is no port), and an instance never
    changes. In code a field goes by its own name, in a file by its alias, if it has one. Each field
    has a description, from which the documentation is made.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


def option_name(name: str, field: FieldInfo) -> str:
    """Return what a model's field is called in a file."""
    return field.alias or name


def has_required(model: type[BaseModel]) -> bool:
    """Return whether a section of this model must set something."""
    return any(field.is_required() for field in model.model_fields.values())


def options_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the names that they have in a file."""
    return {option_name(name, field): field for name, field in model.model_fields.items()}


def model_at(annotation: Any, path: OptionPath) -> type[BaseModel] | None:
    """Return the model of the section at `path` within a value of a type; None if it has none.

    `path` may lead through mappings and lists of models.
    """
    for key in path:
        section = _section_type(annotation)
        if is_model(section):
            field = options_of(section).get(str(key))
            annotation = field and field.annotation
        else:
            annotation = _item_type(section)
    section = _section_type(annotation)
    return section if is_model(section) else None


Option = tuple[OptionPath, FieldInfo, object]
"""An option that a file sets: its path, its field and its plain value."""


def walk(annotation: Any, value: object, path: OptionPath) -> Iterator[Option]:
    """Yield each option that a section sets, and those of the sections within it.

    Args:
        annotation: The model of the section, or a mapping or list of models.
        value: The plain value; what does not fit the model is passed over.
        path: Where the section stands.
    """
    annotation = _section_type(annotation)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(_item_type(annotation), item, (*path, index))
    elif isinstance(value, Mapping) and is_model(annotation):
        for key, field in options_of(annotation).items():
            if key in value:
                yield (*path, key), field, value[key]
                yield from walk(field.annotation, value[key], (*path, key))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(_item_type(annotation), item, (*path, key))


def without_empty_sections(annotation: Any, value: object) -> object:
    """Return a plain value without sections that have nothing in them (`tls:`).

    YAML reads such a section as null, and it is as if it was not there.
    """
    annotation = _section_type(annotation)
    if isinstance(value, Mapping) and is_model(annotation):
        types = {key: field.annotation for key, field in options_of(annotation).items()}
        return {
            key: without_empty_sections(types.get(key), item)
            for key, item in value.items()
            if item is not None or _section_type(types.get(key)) is None
        }
    if isinstance(value, Mapping):
        item_type = _item_type(annotation)
        return {key: without_empty_sections(item_type, item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_empty_sections(_item_type(annotation), item) for item in value]
    return value


def models_in(
    annotation: Any, path: OptionPath = ()
) -> Iterator[tuple[OptionPath, type[BaseModel]]]:
    """Yield the model of the section at `path`, and those of the sections within it with theirs.

    In a path `<name>` stands for any key of a mapping, and `<number>` for any position in a list.
    """
    section = _section_type(annotation)
    if is_model(section):
        yield path, section
        for name, field in options_of(section).items():
            yield from models_in(field.annotation, (*path, name))
    elif section is not None:
        key = "<number>" if get_origin(section) is list else "<name>"
        yield from models_in(_item_type(section), (*path, key))


def has_mark(field: FieldInfo, mark: Mark) -> bool:
    """Return whether a field has a mark, be it only on `X` in `X | None`."""
    return mark in field.metadata or _marks(field.annotation, mark)


def _marks(annotation: Any, mark: Mark) -> bool:
    return any(part is mark or _marks(part, mark) for part in get_args(annotation))


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Return whether an annotation is a model."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _section_type(annotation: Any) -> Any:
    """Return the model, mapping or list in `X`, `X | None` or `Annotated[X, ...]`, if there is."""
    if is_model(annotation) or get_origin(annotation) in (dict, list):
        return annotation
    found = (_section_type(part) for part in get_args(annotation))
    return next((each for each in found if each is not None), None)


def _item_type(annotation: Any) -> Any:
    """Return what a mapping or list of this type holds."""
    return get_args(annotation)[-1] if get_args(annotation) else None
