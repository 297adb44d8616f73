"""A TCP relay that adds a round trip: what a distant upstream costs, where the kernel has no ``tc netem``.

Every connection begins with one round trip (its handshake); bytes then take half of one each way, in order, at any
rate. Runs as a process of its own: ``python -m bench.delay HOST PORT TO_HOST TO_PORT MILLISECONDS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys


async def relay(host: str, port: int, to: tuple[str, int], delay: float) -> None:
    """Relay a port to another address with ``delay`` seconds of round trip."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(delay)
        back, forth = await asyncio.open_connection(*to, limit=1 << 20)
        await asyncio.gather(_pump(reader, forth, delay / 2), _pump(back, writer, delay / 2))

    server = await asyncio.start_server(serve, host, port, limit=1 << 20, backlog=512)
    async with server:
        await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass bytes on, each ``delay`` after it came; up to 4 MB are under way, as on a fast and long line."""
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(16)
    loop = asyncio.get_running_loop()

    async def take() -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 18):
                await line.put((loop.time() + delay, data))
        await line.put((loop.time() + delay, b""))

    async def give() -> None:
        while True:
            due, data = await line.get()
            await asyncio.sleep(max(due - loop.time(), 0))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    with contextlib.suppress(OSError):
        await asyncio.gather(take(), give())


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], int(sys.argv[2]), (sys.argv[3], int(sys.argv[4])), float(sys.argv[5]) / 1000))
