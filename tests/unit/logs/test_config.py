import pytest
from pydantic import ValidationError

from app.logs.config import LoggerConfig, LoggingConfig


def test_only_the_path_is_required() -> None:
    config = LoggerConfig.model_validate({"file_path": "@stderr"})

    assert (config.level, config.flush_level, config.format) == ("info", "warning", None)
    assert (config.message_queue_size, config.overflow_behavior) == (65536, "discard")


@pytest.mark.parametrize("path", ["@stdout", "@null", "logs/service.log", "./@file"])
def test_streams_and_files_are_paths(path: str) -> None:
    assert LoggerConfig(file_path=path).file_path == path


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("file_path", "@sterr", "none of @stderr, @stdout and @null"),
        ("file_path", "unix:/run/log", "not supported"),
        ("file_path", "", "at least 1"),
        ("level", "verbose", "'trace', 'debug'"),
        ("message_queue_size", 0, "greater than or equal to 1"),
        ("overflow_behavior", "wait", "'discard' or 'block'"),
        ("format", "xml", "'text', 'tskv' or 'json'"),
    ],
)
def test_what_has_no_meaning_is_refused(field: str, value: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LoggerConfig.model_validate({"file_path": "@null", field: value})


def test_section_of_the_original_is_taken_as_it_is() -> None:
    logger = {"file_path": "@stderr", "level": "debug", "overflow_behavior": "discard"}
    document = {"fs-task-processor": "fs-task-processor", "loggers": {"default": logger}}

    config = LoggingConfig.model_validate(document)

    assert config.fs_task_processor == "fs-task-processor"
    assert config.loggers["default"].level == "debug"


@pytest.mark.parametrize("name", ["root", ""])
def test_root_logger_goes_by_the_name_of_default(name: str) -> None:
    with pytest.raises(ValidationError, match="'default'"):
        LoggingConfig.model_validate({"loggers": {name: {"file_path": "@null"}}})


@pytest.mark.parametrize("model", [LoggerConfig, LoggingConfig])
def test_each_option_is_described(model: type[LoggerConfig] | type[LoggingConfig]) -> None:
    assert all(field.description for field in model.model_fields.values())
