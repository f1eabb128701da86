"""`python -m app`: run the service that `app.main` composes."""

import signal
import sys

if __name__ == "__main__":
    # A signal that comes while modules are imported is obeyed like any other: quietly.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: sys.exit(0))
    # One that asks for new log files, or new values, has nothing to do before there are any.
    for sign in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(sign, signal.SIG_IGN)

from app.main import main

if __name__ == "__main__":
    main()
