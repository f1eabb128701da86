import pytest

from app.scaffold.errors import ScaffoldError, UnexpectedFileError
from app.scaffold.layers import with_package

TEXT = """# é
[project]
name = "daemon"

[[tool.importlinter.contracts]]
type = "protected"
protected_modules = ["chat | daemon"]

[[tool.importlinter.contracts]]  # downwards
type = "layers"
layers = [
    "main",
    "chat | daemon",    # side by side
    "handlers",
]
"""


def test_package_stands_beside_the_handlers_and_all_else_stays() -> None:
    expected = TEXT.replace('"chat | daemon",  ', '"chat | daemon | weather_feed",  ')
    assert expected != TEXT

    assert with_package(TEXT, "weather_feed") == expected


def test_a_second_package_stands_behind_the_first() -> None:
    longer = with_package(with_package(TEXT, "one"), "two")

    assert '"chat | daemon | one | two",    # side by side' in longer


@pytest.mark.parametrize("layer", ["daemon", "daemon | chat", "a | (daemon)"])
def test_layer_is_found_without_the_sample_too(layer: str) -> None:
    text = TEXT.replace('"chat | daemon",  ', f'"{layer}",  ')

    assert f'    "{layer} | new",' in with_package(text, "new")


@pytest.mark.parametrize("package", ["chat", "handlers"])
def test_package_that_has_a_layer_is_refused(package: str) -> None:
    with pytest.raises(ScaffoldError, match=f"the layers have {package} already") as refused:
        with_package(TEXT, package)

    assert not isinstance(refused.value, UnexpectedFileError)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace('"layers"', '"independence"'),
        TEXT.replace('"chat | daemon",  ', '"chat",  '),
        TEXT.replace('"chat | daemon",  ', '"chat : daemon",  '),
        TEXT.replace('"chat | daemon",  ', "'chat | daemon',  "),
    ],
)
def test_layers_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(UnexpectedFileError, match=r"^pyproject.toml: expected a contract"):
        with_package(text, "new")


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(UnexpectedFileError, match=r"^pyproject.toml: not valid TOML"):
        with_package("[", "new")
