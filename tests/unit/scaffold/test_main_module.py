import pytest

from app.scaffold.errors import ScaffoldError, UnexpectedFileError
from app.scaffold.main_module import with_component

SOURCE = '''"""What this service is made of."""

import sys

from app import daemon
from app.chat.handler import ChatHandler  # the sample
# The list.
from app.components.component_list import ComponentList
from app.logs.component import (
    LoggingComponent,
)
from app.service import Service

COMPONENTS = ComponentList(
    LoggingComponent,
    ChatHandler,  # é
    variables=(),  # none yet
)

app = Service(COMPONENTS)
'''


def added(package: str, class_name: str = "NewHandler", source: str = SOURCE) -> list[str]:
    """Return the source with a component more, whose lines are marked with a plus."""
    lines = with_component(source, f"app.{package}.handler", class_name).split("\n")
    marked = [f"+{line}" if class_name in line else line for line in lines]
    assert [line for line in marked if not line.startswith("+")] == source.split("\n")
    return marked


@pytest.mark.parametrize(
    ("package", "before"),
    [
        ("aaa", "from app import daemon"),
        ("chat", "from app.chat.handler import ChatHandler  # the sample"),
        ("chat_2", "from app.chat.handler import ChatHandler  # the sample"),
        ("feed", "from app.components.component_list import ComponentList"),
        ("news", ")"),
        ("weather_feed", "from app.service import Service"),
    ],
)
def test_import_stands_in_order_and_leaves_comments_where_they_are(
    package: str, before: str
) -> None:
    lines = added(package)

    place = lines.index(f"+from app.{package}.handler import NewHandler")
    assert lines[place - 1] == before


def test_numbers_in_names_are_ordered_as_numbers() -> None:
    source = SOURCE
    for package in ("room10", "room2", "room01", "room"):
        source = with_component(source, f"app.{package}.handler", f"{package.title()}Handler")

    imported = [line.split()[1] for line in source.split("\n") if line.startswith("from app.room")]
    assert imported == [f"app.{each}.handler" for each in ("room", "room01", "room2", "room10")]


def test_import_comes_first_where_all_others_are_later() -> None:
    source = SOURCE.replace("from app import daemon\n", "")

    lines = added("aaa", source=source)

    assert lines[lines.index("+from app.aaa.handler import NewHandler") - 1] == ""


def test_component_is_the_last_of_the_list_and_indented_like_the_others() -> None:
    lines = added("feed")

    assert lines[lines.index("+    NewHandler,") - 1] == "    ChatHandler,  # é"


def test_component_may_be_the_last_argument_of_all() -> None:
    source = SOURCE.replace("    variables=(),  # none yet\n", "").replace("    ", "\t")

    lines = added("feed", source=source)

    assert lines[lines.index("+\tNewHandler,") + 1] == ")"


@pytest.mark.parametrize(
    "source",
    [
        SOURCE.replace("ChatHandler", "NewHandler"),
        SOURCE.replace("import ChatHandler", "import ChatHandler as NewHandler"),
        f"{SOURCE}\n\nclass NewHandler: ...\n",
        SOURCE.replace("app = Service", "NewHandler = Service"),
    ],
)
def test_name_of_the_class_that_is_taken_is_refused(source: str) -> None:
    with pytest.raises(ScaffoldError, match=r"^app/main.py: NewHandler is already there") as error:
        with_component(source, "app.new.handler", "NewHandler")

    assert not isinstance(error.value, UnexpectedFileError)


@pytest.mark.parametrize(
    "call",
    [
        "make_components()",
        "ComponentList()",
        "ComponentList(variables=())",
        "ComponentList(LoggingComponent, ChatHandler)",
        "ComponentList(\n    LoggingComponent, ChatHandler,\n)",
        "ComponentList(\n    LoggingComponent,\n    ChatHandler\n)",
        "ComponentList(\n    ChatHandler, variables=(),\n)",
        "ComponentList(\n    ChatHandler,\n).append(ComponentList(\n    ChatHandler,\n))",
    ],
)
def test_list_of_another_form_is_refused(call: str) -> None:
    source = f"from app.service import Service\n\nCOMPONENTS = {call}\n"

    with pytest.raises(UnexpectedFileError, match=r"^app/main.py: expected one list ComponentList"):
        with_component(source, "app.new.handler", "NewHandler")


def test_main_module_that_imports_nothing_of_the_app_is_refused() -> None:
    source = SOURCE.replace("from app", "from .app")

    with pytest.raises(UnexpectedFileError, match="expected imports of the form"):
        with_component(source, "app.new.handler", "NewHandler")


@pytest.mark.parametrize("source", ["COMPONENTS = (", "\0"])
def test_what_is_no_python_is_refused(source: str) -> None:
    with pytest.raises(UnexpectedFileError, match=r"^app/main.py: not valid Python"):
        with_component(source, "app.new.handler", "NewHandler")
