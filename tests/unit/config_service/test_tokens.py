import pytest
from pydantic import TypeAdapter, ValidationError

from app.config_service.component import ConfigStoreComponent
from app.config_updates.access_token import Token
from app.static_config.document import Document, Place, Places
from app.static_config.validation import problems_of


@pytest.mark.parametrize(
    "token",
    ["short", "x" * 1001, "with a blank in it", "sixteen-bytes-ü!", 12345678901234567, None],
)
def test_token_that_is_none_is_refused_and_not_shown(token: object) -> None:
    value = {"path": "x", "fs-task-processor": "fs", "tokens": {"alice": token}}

    with pytest.raises(ValidationError) as refused:
        ConfigStoreComponent.Config.model_validate(value)

    document = Document(value, Places(Place("file")))
    (problem,) = problems_of(refused.value, document, (), ConfigStoreComponent.Config)
    assert problem.path == ("tokens", "alice")
    assert "it is not shown here" in problem.text
    assert str(token) not in problem.text


def test_token_of_16_characters_is_one() -> None:
    assert TypeAdapter(Token).validate_python("0123456789abcde=") == "0123456789abcde="


def same_token(**options: dict[str, str]) -> str:
    """Return what is said of options in which a token stands twice."""
    named = {name.replace("_", "-"): tokens for name, tokens in options.items()}
    value = {"path": "x", "fs-task-processor": "fs", **named}
    with pytest.raises(ValidationError) as refused:
        ConfigStoreComponent.Config.model_validate(value)
    document = Document(value, Places(Place("file")))
    (problem,) = problems_of(refused.value, document, (), ConfigStoreComponent.Config)
    return f"{'.'.join(map(str, problem.path))}: {problem.text}"


@pytest.mark.parametrize(
    "options",
    [
        {"tokens": {"alice": "0123456789abcdef", "bob": "0123456789abcdef"}},
        {"tokens": {"alice": "0123456789abcdef"}, "hand_in_tokens": {"bob": "0123456789abcdef"}},
    ],
)
def test_token_that_two_have_is_refused_and_not_shown(options: dict[str, dict[str, str]]) -> None:
    text = same_token(**options)

    assert text.startswith("tokens: 'alice' and 'bob' have the same token")
    assert "0123456789abcdef" not in text


def test_whoever_changes_values_and_whoever_hands_in_may_have_the_same_name() -> None:
    value = {
        "path": "x",
        "fs-task-processor": "fs",
        "tokens": {"chat": "0123456789abcdef"},
        "hand-in-tokens": {"chat": "fedcba9876543210"},
    }

    config = ConfigStoreComponent.Config.model_validate(value)

    assert config.hand_ins == "token"
