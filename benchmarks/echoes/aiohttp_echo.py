"""An echo with aiohttp: `python -m benchmarks.echoes.aiohttp_echo PORT`."""

import asyncio
import sys

import uvloop
from aiohttp import WSMsgType, web


async def echo(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse()
    await response.prepare(request)
    async for message in response:
        if message.type == WSMsgType.TEXT:
            await response.send_str(message.data)
        else:
            await response.send_bytes(message.data)
    return response


async def main(port: int) -> None:
    application = web.Application()
    application.router.add_get("/chat", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
