"""A project that is as small as the scaffold allows."""

from pathlib import Path

FILES = {
    "app/__init__.py": "",
    "app/main.py": """from app.chat.handler import ChatHandler
from app.components.component_list import ComponentList

COMPONENTS = ComponentList(
    ChatHandler,
)
""",
    "app/chat/page.py": 'class ChatPage:\n    name = "chat-page"\n',
    "config/static_config.yaml": """components_manager:
    components:
        websocket-handler:
            path: /chat
""",
    "pyproject.toml": """[[tool.importlinter.contracts]]
type = "layers"
layers = ["main", "chat | daemon"]
""",
    "tests/functional/test_wire.py": "",
    "tests/odd.py": 'class Raising:\n    name = "raising"\n',
}


def make_project(folder: Path) -> Path:
    """Write the files of a small project into the folder, and return it."""
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def content(folder: Path) -> dict[str, bytes | None]:
    """Return what is in the folder: files with what they hold, and folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
