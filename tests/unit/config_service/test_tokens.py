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
