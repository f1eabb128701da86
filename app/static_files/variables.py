"""The variable that says which file is of which type."""

from app.dynamic_config.variable import Variable

USERVER_FILES_CONTENT_TYPE_MAP = Variable(
    "USERVER_FILES_CONTENT_TYPE_MAP",
    dict[str, str],
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
        "__default__": "text/plain",
    },
    description="The `Content-Type` of a file by the end of its name, with its dot; `__default__`"
    " is that of all others, which without it are answered with status 500.",
    reader="`app/static_files`, at each request",
    no_effect_yet=True,
)
