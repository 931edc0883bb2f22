"""Viewers without a browser, for `load.py`: streams that are read, and sessions that do what an open Train page does.

    python tests/benchmarks/load_clients.py PORT --streams 100 --runs live-0,live-1 --sessions 20 --run trains

Each session opens Streamlit's socket, has the page run, follows the run's stream, fetches both sheets of images
whenever there are newer weights, and runs parts of the page again where Streamlit told it to do so by a timer. All go
on until standard input is closed; `ready` is printed when they are connected.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

#: Seconds between two sheets of a page, as in `components/samples/samples.js`.
PAUSE = 0.9
#: Bytes of one line: a whole history is one.
LONGEST = 1 << 26


async def lines(port: int, path: str) -> AsyncIterator[bytes]:
    """Of an answer, without its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LONGEST)
    try:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        while (await reader.readline()).strip():
            pass
        while line := await reader.readline():
            yield line
    finally:
        writer.close()


async def follow(port: int, runs: list[str], ready: asyncio.Event) -> None:
    """Read a stream, again and again."""
    while True:
        with suppress(OSError):
            async for line in lines(port, "/api/stream?" + "&".join(f"run={name}" for name in runs)):
                if line.startswith(b"event: status"):
                    ready.set()
        await asyncio.sleep(1)


async def sheets(port: int, run: str) -> None:
    """Fetch what the newest weights draw, as often as the page does."""
    while True:
        stamp, drawn = "", -PAUSE
        with suppress(OSError):
            async for line in lines(port, f"/api/stream?run={run}"):
                if not line.startswith(b"data: ") or b'"stamp"' not in line:
                    continue
                found = json.loads(line[6:]).get("stamp", stamp)
                if found == stamp or time.monotonic() - drawn < PAUSE:
                    continue
                stamp, drawn = found, time.monotonic()
                for kind in ("reconstructions", "samples"):
                    async for _ in lines(port, f"/api/runs/{run}/sheet.png?kind={kind}&at=last&v={stamp}"):
                        pass
        await asyncio.sleep(1)


async def session(port: int, run: str, ready: asyncio.Event) -> None:
    """A page that is open."""
    uri, origin = f"ws://127.0.0.1:{port}/_stcore/stream", f"http://127.0.0.1:{port}"
    tasks = [asyncio.ensure_future(sheets(port, run))]

    def ask(fragment: str = "") -> bytes:
        message = BackMsg()
        message.rerun_script.query_string = f"run={run}"
        message.rerun_script.page_name = "train"
        message.rerun_script.fragment_id = fragment
        return message.SerializeToString()

    async with connect(uri, subprotocols=["streamlit"], origin=origin, max_size=None) as socket:  # type: ignore[list-item, arg-type]
        await socket.send(ask())

        async def again(fragment: str, interval: float) -> None:
            while True:
                await asyncio.sleep(interval)
                await socket.send(ask(fragment))

        async for text in socket:
            message = ForwardMsg.FromString(text)  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                timer = message.auto_rerun
                tasks.append(asyncio.ensure_future(again(timer.fragment_id, timer.interval)))
            elif kind == "script_finished":
                ready.set()


async def serve(options: argparse.Namespace) -> None:
    everybody = [asyncio.Event() for _ in range(options.streams + options.sessions)]
    runs = options.runs.split(",")
    tasks = [follow(options.port, runs, ready) for ready in everybody[: options.streams]]
    tasks += [session(options.port, options.run, ready) for ready in everybody[options.streams :]]
    working = [asyncio.ensure_future(task) for task in tasks]
    await asyncio.wait_for(asyncio.gather(*(ready.wait() for ready in everybody)), 60)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in working:
        task.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("port", type=int)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--runs", required=True)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--run", required=True)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
