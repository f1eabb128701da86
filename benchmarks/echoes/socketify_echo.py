"""An echo with socketify, which is µWebSockets in C++ with handlers in Python.

`python -m benchmarks.echoes.socketify_echo PORT [deflate]`. It runs a loop of its own.
"""

import sys
from typing import Any

from socketify import App, AppListenOptions, CompressOptions, OpCode


def echo(connection: Any, message: str | bytes, opcode: OpCode) -> None:
    # The last argument asks for compression, if it was agreed on.
    connection.send(message, opcode, True)


def main(port: int, *, deflate: bool) -> None:
    compression = CompressOptions.SHARED_COMPRESSOR if deflate else CompressOptions.DISABLED
    application = App()
    application.ws(
        "/chat",
        {
            "compression": compression,
            "max_payload_length": 1 << 20,
            "max_backpressure": 1 << 24,
            "idle_timeout": 120,
            "message": echo,
        },
    )
    application.listen(AppListenOptions(port=port, host="127.0.0.1"))
    application.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), deflate="deflate" in sys.argv[2:])
