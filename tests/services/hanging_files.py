"""The service of `config_showing.py` with values on a file system that may hang.

It stands for a network file system without a server: no file is opened while there is one with the
name `hangs` beside it.
"""

import sys
import threading
from pathlib import Path

from app import daemon
from app.config_updates import values_file
from app.main import COMPONENTS
from tests.services.config_showing import ConfigShowing

_really_open = values_file.open_regular


def _open(path: str, flags: int) -> int:
    pause = threading.Event()
    while Path(path).with_name("hangs").exists():
        pause.wait(0.05)
    return _really_open(path, flags)


values_file.open_regular = _open

if __name__ == "__main__":
    sys.exit(daemon.run(COMPONENTS.append(ConfigShowing), sys.argv[1:]))
