"""`python pinned.py CORE,... FOLDER COMMAND ...`: becomes the command, there and on these cores.

It ends with the process that has started it, however that ends (Linux only).
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main(cores: str, folder: str, *command: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.sched_setaffinity(0, map(int, cores.split(",")))
    os.chdir(folder)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
