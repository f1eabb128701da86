import pytest
import yaml

from app.scaffold.errors import UnexpectedFileError
from app.scaffold.names import handler_names
from app.scaffold.static_config import section_text, sections, url_paths, with_section

NAMES = handler_names("weather-feed", "/weather")

HEAD = """# The static config.
components_manager:
  default_task_processor: main
  components:  # one section per component
    logging:
    chat:
      path: /chat/  # here
"""

ADDED = """\
    weather-feed:                 # app/weather_feed/handler.py
      path: /weather
      # url_trailing_slash: both  # with and without a slash at the end; or strict-match
      method: GET
      max-remote-payload: 65536   # bytes of a message; a longer one closes with 1009
      fragment-size: 65536        # bytes of a frame that is sent; 0: never fragments
"""


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (HEAD, ""),
        (HEAD, "\n"),
        (HEAD, "\n\n# the end\n"),
        (HEAD, "  # more\n  more: [1, 2]\n"),
        (HEAD, "\n# other\nother: 1\n"),
        (HEAD, "...\n"),
        (f"{HEAD}      # method: POST\n\n    # rooms:\n    #   path: /rooms\n", "\n  more: 1\n"),
        (f"{HEAD}      text: |\n        a\n        # no comment\n", "  more: 1\n"),
        (f"{HEAD}      names: [a,\n  b]\n", "  more: 1\n"),
        (HEAD.replace("/chat/", "&chat /chat/"), "other: *chat\n"),
        (HEAD.replace("here", "hé 🐍"), "  more: 1\n"),
    ],
)
def test_section_is_added_behind_the_others_and_all_else_stays(head: str, tail: str) -> None:
    assert with_section(head + tail, NAMES) == head + ADDED + tail


def test_end_of_the_last_line_is_added_where_it_lacks() -> None:
    assert with_section(HEAD.removesuffix("\n"), NAMES) == HEAD + ADDED


def test_sections_may_stand_below_their_key_without_more_indentation_than_two() -> None:
    text = "components_manager:\n components:\n  chat: {path: /chat}\n"

    lines = with_section(text, NAMES).splitlines()

    assert lines[3].startswith("  weather-feed: ")
    assert lines[4] == "   path: /weather"


@pytest.mark.parametrize("name", ["a", "a-name-that-is-longer-than-all"])
def test_comments_of_a_section_stand_one_below_the_other(name: str) -> None:
    lines = section_text(handler_names(name)).splitlines()

    columns = {line.rindex("  # ") for line in lines if "  # " in line.lstrip()}
    assert len(columns) == 1
    assert yaml.safe_load(section_text(handler_names(name))) == {
        name: {
            "path": f"/{name}",
            "method": "GET",
            "max-remote-payload": 65536,
            "fragment-size": 65536,
        }
    }


def test_names_and_paths_of_the_sections_are_found() -> None:
    text = f"{HEAD}    other: [path]\n    root: {{path: /}}\n    dir: {{path: 7}}\n"

    assert list(sections(text)) == ["logging", "chat", "other", "root", "dir"]
    assert url_paths(text) == {"/chat", "", "7"}


@pytest.mark.parametrize(
    "text",
    [
        "components_manager: {components: {chat: {path: /chat}}}",
        "components_manager:\n  components: {chat: {path: /chat}}\n",
        "base: &base\n  components:\n    chat:\ncomponents_manager:\n  <<: *base\n",
        "base: &base\n  chat:\ncomponents_manager:\n  components: *base\n",
    ],
)
def test_sections_that_are_not_one_below_the_other_are_refused(text: str) -> None:
    with pytest.raises(UnexpectedFileError, match="expected the sections of components_manager"):
        with_section(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "components_manager:\n",
        "components_manager: 1\n",
        "components_manager:\n  components:\n",
        "components_manager:\n  components: {}\n",
    ],
)
def test_file_without_sections_is_refused(text: str) -> None:
    with pytest.raises(
        UnexpectedFileError,
        match=r"^config/static_config.yaml: expected sections in components_manager.components$",
    ):
        sections(text)


@pytest.mark.parametrize("text", ["a: [", "a: !unknown 1", "--- 1\n--- 2\n"])
def test_what_is_no_yaml_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UnexpectedFileError) as refused:
        with_section(text, NAMES)

    assert str(refused.value).startswith("config/static_config.yaml: not valid YAML: ")
    assert "\n" not in str(refused.value)
