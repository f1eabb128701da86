"""`python -m app.config_service`: run the config service."""

import signal
import sys

if __name__ == "__main__":
    # See `app/__main__.py`.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: sys.exit(0))
    for sign in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(sign, signal.SIG_IGN)

from app.config_service.main import main

if __name__ == "__main__":
    main()
