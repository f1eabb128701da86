import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.static_files.content_types import (
    OTHERS,
    check_end,
    check_media_type,
    content_type_of,
)

TYPES = {
    ".gz": "application/gzip",
    ".tar.gz": "application/x-gtar",
    ".html": "text/html",
    ".txt": "Text/Plain",
    ".latin": "text/plain; CHARSET=latin-1",
    ".js": "application/javascript",
}


@pytest.mark.parametrize(
    ("file_name", "content_type"),
    [
        ("page.html", "text/html; charset=utf-8"),
        ("folder.js/page.html", "text/html; charset=utf-8"),
        ("page.js.html", "text/html; charset=utf-8"),
        ("code.js", "application/javascript"),
        ("a.gz", "application/gzip"),
        ("a.tar.gz", "application/x-gtar"),
        ("a.v1.tar.gz", "application/x-gtar"),
        ("a.tar.html.gz", "application/gzip"),
        ("a.txt", "Text/Plain; charset=utf-8"),
        ("a.latin", "text/plain; CHARSET=latin-1"),
    ],
)
def test_longest_end_of_the_name_decides_and_text_is_utf_8_unless_told(
    file_name: str, content_type: str
) -> None:
    assert content_type_of(file_name, TYPES) == content_type


@pytest.mark.parametrize("file_name", ["page.htm", "page.HTML", ".html", "html", "", "a.html/b"])
def test_all_others_have_the_default_or_none(file_name: str) -> None:
    assert content_type_of(file_name, TYPES) is None
    assert content_type_of(file_name, {**TYPES, OTHERS: "a/b"}) == "a/b"


def test_own_entry_comes_before_the_default() -> None:
    assert content_type_of("a.js", {OTHERS: "a/b", ".js": "c/d"}) == "c/d"


@pytest.mark.parametrize(
    "value",
    [
        "text/html",
        "image/svg+xml",
        "application/vnd.a-b.c+json",
        "text/html;charset=utf-8",
        "text/html ; charset=utf-8; a=b",
        'multipart/form-data; boundary="a \\" b"',
    ],
)
def test_media_types_are_taken_as_they_are(value: str) -> None:
    assert check_media_type(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text",
        "text/",
        "/html",
        "text/html/x",
        " text/html",
        "text/html ",
        "text/html\n",
        "text/html\r\nSet-Cookie: a=b",
        "text/html;",
        "text/html; charset",
        "text/html; charset=",
        "text/html, text/plain",
        'text/html; a="b',
        'text/html; a="\n"',
        "text/htmlé",
        "text/html\x00",
    ],
)
def test_what_is_no_media_type_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected a media type"):
        check_media_type(value)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_media_type_breaks_out_of_its_header(head: str, tail: str) -> None:
    for value in (head, f"text/html{head}", f'a/b; c="{head}"{tail}'):
        try:
            taken = check_media_type(value)
        except ValueError:
            continue
        assert taken.isascii()
        assert taken.isprintable()


@pytest.mark.parametrize("value", [".html", ".tar.gz", ".HTML", ".7z", OTHERS])
def test_ends_are_taken_as_they_are(value: str) -> None:
    assert check_end(value) == value


@pytest.mark.parametrize(
    "value", ["", "html", ".", "..", ".a.", "a.b", "*.html", ".a/b", "default"]
)
def test_what_no_name_could_end_with_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected the end of a file's name"):
        check_end(value)
