"""An echo with picows' layer for `websockets`.

`python -m benchmarks.echoes.picows_websockets_echo PORT`.
"""

import sys

import uvloop
from picows.websockets.asyncio.server import ServerConnection, serve


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def main(port: int) -> None:
    async with serve(echo, "127.0.0.1", port, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
