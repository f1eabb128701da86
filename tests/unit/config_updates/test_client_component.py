from pathlib import Path

import pytest

from app.config_updates.client_component import DynamicConfigClientComponent
from app.config_updates.protocol import ValuesRequest
from tests.unit.config_updates.client_parts import CLIENT, refusal
from tests.unit.config_updates.conftest import MakeParts

# Options


def test_options_of_the_original_are_taken() -> None:
    DynamicConfigClientComponent.Config.model_validate(
        {
            "get-configs-overrides-for-service": True,
            "service-name": "your-service",
            "http-timeout": "20s",
            "http-retries": 5,
            "config-url": "http://localhost:8083/",
            "append-path-to-url": True,
            "fallback-to-no-proxy": True,
        }
    )


@pytest.mark.parametrize("name", ["config-url", "service-name"])
def test_what_a_client_cannot_do_without_is_required(name: str) -> None:
    options = {key: value for key, value in CLIENT.items() if key != name}

    assert refusal(DynamicConfigClientComponent, options) == "Field required"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("config-url", "localhost:8083"),
        ("service-name", ""),
        ("http-timeout", "0s"),
        ("http-timeout", "2h"),
        ("http-retries", 0),
        ("http-retries", 101),
        ("configs-stage-filepath", "nowhere.json"),
    ],
)
def test_bad_option_of_the_client_is_refused(option: str, value: object) -> None:
    assert refusal(DynamicConfigClientComponent, {**CLIENT, option: value})


def test_there_is_one_stage(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    path.write_text('{"env_name": "testing"}')
    options = {**CLIENT, "configs-stage": "testing", "configs-stage-filepath": str(path)}

    text = refusal(DynamicConfigClientComponent, options)

    assert text.endswith("configs-stage-filepath: either this or configs-stage, not both")


def test_token_that_is_none_is_refused_and_not_shown() -> None:
    for token in ("secret", "secret with blanks in it", 1234567890123456):
        text = refusal(DynamicConfigClientComponent, {**CLIENT, "token": token})

        assert "it is not shown here" in text
        assert str(token) not in text


def test_token_is_not_shown_with_the_other_options() -> None:
    config = DynamicConfigClientComponent.Config.model_validate(
        {**CLIENT, "token": "secret-of-the-chat"}
    )

    assert config.token == "secret-of-the-chat"
    assert "secret" not in repr(config) + repr(config.service_url(None))


def test_there_is_one_way_to_say_who_asks() -> None:
    options = {**CLIENT, "config-url": "http://user:password@configs"}
    token = {"token": "secret-of-the-chat"}

    text = refusal(DynamicConfigClientComponent, options | token)

    assert text.endswith("token: either this or a user and a password in config-url, not both")
    assert "secret" not in text
    assert "password@" not in text


def test_schemas_need_a_path_of_their_own() -> None:
    options = {"register-schemas": True, "append-path-to-url": False}

    text = refusal(DynamicConfigClientComponent, CLIENT | options)

    assert text.endswith(
        "register-schemas: /configs/schemas has to come behind config-url: append-path-to-url: true"
    )


async def test_client_that_nobody_uses_is_probably_not_meant(make_parts: MakeParts) -> None:
    parts = make_parts()
    alone = DynamicConfigClientComponent(
        DynamicConfigClientComponent.Config.model_validate(CLIENT), parts.source
    )

    assert [text for _, text in alone.warnings()] == [
        "asks for nothing: dynamic-config-client-updater has no section"
    ]
    assert list(parts.client.warnings()) == []


# What is asked for


@pytest.mark.parametrize("from_file", [True, False])
async def test_stage_is_told_beside_the_service(
    requests: list[ValuesRequest], make_parts: MakeParts, tmp_path: Path, from_file: bool
) -> None:
    path = tmp_path / "environment.json"
    path.write_text('{"env_name": "testing"}')
    by_file = {"configs-stage-filepath": str(path)}
    parts = make_parts(by_file if from_file else {"configs-stage": "testing"})
    path.unlink()

    await parts.updater.start()

    assert (requests[0].service, requests[0].stage_name) == ("chat", "testing")
