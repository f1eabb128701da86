"""The variable that says which file is of which type."""

from typing import Annotated

from pydantic import AfterValidator

from app.dynamic_config.variable import Variable
from app.static_files.content_types import OTHERS, check_end, check_media_type

FileEnd = Annotated[str, AfterValidator(check_end)]
MediaType = Annotated[str, AfterValidator(check_media_type)]

USERVER_FILES_CONTENT_TYPE_MAP = Variable(
    "USERVER_FILES_CONTENT_TYPE_MAP",
    dict[FileEnd, MediaType],
    {
        ".css": "text/css",
        ".gif": "image/gif",
        ".htm": "text/html",
        ".html": "text/html",
        ".jpeg": "image/jpeg",
        ".js": "application/javascript",
        ".json": "application/json",
        ".md": "text/markdown",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        OTHERS: "text/plain",
    },
    description="The `Content-Type` of a file by the end of its name, with its dot (`.tar.gz` comes"
    " before `.gz`); `__default__` is that of all others, which without it are answered with status"
    " 500. `charset=utf-8` is added to a type of text that names no charset.",
    reader="`app/chat`, at each request for the page",
)
