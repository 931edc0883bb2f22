"""The stream of runs, read from a real server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dashboard import routes, settings
from dashboard.server import watched
from tests.dashboard.server.http_client import Client, line
from vae.runs.metrics import MetricsReader, MetricsWriter
from vae.runs.run import Run
from vae.runs.status import Status


class TestStream:
    def test_history_comes_first_and_new_lines_follow_once(self, client: Client, live: Run) -> None:
        known = [json.loads(text) for text in (live.path / "metrics.jsonl").read_text().splitlines()]
        with client.events("/api/runs/live/stream") as events:
            assert events.response.headers["Content-Type"].startswith("text/event-stream")
            lines = events.until("reset")["lines"]
            assert [found["step"] for found in lines] == [found["step"] for found in known]
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                for step in (1000, 1001):
                    writer.write(line(step))
            steps: list[int] = []
            while len(steps) < 2:
                steps += [found["step"] for found in events.until("lines")["lines"]]
            assert steps == [1000, 1001]

    def test_reconnecting_goes_on_where_the_client_was(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
            last = events.last
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            writer.write(line(2000))
        with client.events("/api/runs/live/stream", Last_Event_ID=last) as events:
            name, content = events.next()
            assert (name, [found["step"] for found in content["lines"]]) == ("lines", [2000])
        with client.events(f"/api/runs/live/stream?after={last}") as events:
            name, content = events.next()
            assert (name, [found["step"] for found in content["lines"]]) == ("lines", [2000])

    def test_history_cut_back_at_a_resume_starts_anew(self, client: Client, live: Run) -> None:
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            kept = writer.offset
            writer.write(line(3000))
            with client.events("/api/runs/live/stream") as events:
                events.until("reset")
                writer.truncate(kept)
                writer.write(line(3001))
                steps = [found["step"] for found in events.until("reset")["lines"]]
                assert 3000 not in steps
                if steps[-1] != 3001:
                    assert [found["step"] for found in events.until("lines")["lines"]] == [3001]

    @pytest.mark.parametrize("nonsense", ["0-0", "1-2-3", "x", "9" * 500, "12-5-ffffffff", "-1--1"])
    def test_nonsense_in_place_of_a_place_starts_anew(self, client: Client, live: Run, nonsense: str) -> None:
        with client.events("/api/runs/live/stream", Last_Event_ID=nonsense) as events:
            assert events.next()[0] == "reset"

    def test_status_carries_the_wishes_and_changes_with_them(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            assert events.until("status")["control"]["beta"] is None
            live.request(beta=4.0)
            assert events.until("status")["control"]["beta"] == 4.0

    def test_deleted_run_ends_the_stream_with_a_sentence(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
            shutil.rmtree(live.path)
            assert "deleted" in events.until("gone")["error"]
            assert events.next() == ("end", None)

    def test_long_history_is_thinned_before_it_is_sent(self, client: Client, live: Run) -> None:
        text = "".join(json.dumps(line(step)) + "\n" for step in range(1, 20_001))
        (live.path / "metrics.jsonl").write_text(text)
        with client.events("/api/runs/live/stream") as events:
            lines = events.until("reset")["lines"]
        assert 500 < len(lines) <= 2000
        assert lines[-1]["step"] == 20_000
        assert sum(found["num_steps"] for found in lines) == 20_000

    def test_streams_that_clients_left_are_closed(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
            before = routes._streams.num
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            for step in range(4000, 4100):
                writer.write(line(step))
                time.sleep(0.02)
                if routes._streams.num < before:
                    return
        pytest.fail("the stream of a client that left stays open")

    def test_one_stream_carries_all_the_runs_that_a_client_follows(self, client: Client, live: Run) -> None:
        live.write_status(Status(state="queued", heartbeat=time.time()))
        with client.events("/api/stream?run=live&run=short&run=absent") as events:
            told: dict[str, set[str]] = {}
            while told.get("live", set()) != {"reset", "status"} or told.get("short") != {"reset", "status"}:
                name, content = events.next()
                told.setdefault(content["run"], set()).add(name)
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                writer.write(line(5000))
            content = events.until("lines")
            assert (content["run"], [found["step"] for found in content["lines"]]) == ("live", [5000])
        assert told["absent"] == {"gone"}

    def test_stream_of_runs_at_rest_ends_and_goes_on_where_it_was(self, client: Client, live: Run) -> None:
        with client.events("/api/stream?run=live") as events:
            events.until("reset")
            events.until("rest")
            assert events.next() == ("end", None)
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            writer.write(line(6000))
        with client.events(f"/api/stream?run=live~{events.last}") as events:
            name, content = events.next()
            assert (name, [found["step"] for found in content["lines"]]) == ("lines", [6000])
            events.until("rest")
        began = time.monotonic()
        with client.events(f"/api/stream?run=live~{events.last}") as events:
            assert [events.next()[0], events.next()[0], events.next()[0]] == ["status", "rest", "end"]
        assert time.monotonic() - began < 0.4  # it holds no connection, only to wait for what does not come

    def test_client_that_was_away_for_long_gets_the_whole_thinned(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
        with (live.path / "metrics.jsonl").open("a") as file:
            file.write("".join(json.dumps(line(step)) + "\n" for step in range(10_000, 30_000)))
        with client.events(f"/api/runs/live/stream?after={events.last}") as events:
            assert len(events.until("reset")["lines"]) <= 2100

    @pytest.mark.parametrize("query", ["", "run=" + "&run=".join(map(str, range(101)))])
    def test_stream_of_no_or_of_very_many_runs_is_refused(self, client: Client, query: str) -> None:
        answer = client.get(f"/api/stream?{query}")
        assert answer.status == 400 and answer.sentence.startswith("run must be given 1 to 100 times, got ")

    def test_many_who_follow_a_run_read_its_files_once(
        self, client: Client, live: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reads: list[threading.Thread] = []
        read = MetricsReader.read

        def counted(reader: MetricsReader, *arguments: Any, **options: Any) -> Any:
            reads.append(threading.current_thread())
            return read(reader, *arguments, **options)

        monkeypatch.setattr(MetricsReader, "read", counted)
        live.write_status(Status(state="queued", heartbeat=time.time()))
        with ExitStack() as stack:
            many = [stack.enter_context(client.events("/api/stream?run=live")) for _ in range(20)]
            for events in many:
                events.until("reset")
            reads.clear()
            began = time.monotonic()
            while len(reads) < 6:
                assert time.monotonic() - began < 20, "nobody looks"
                time.sleep(0.005)
            seconds, readers = time.monotonic() - began, set(reads)
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                writer.write(line(7000))
            texts = [json.dumps(events.until("lines")) for events in many]
        assert [reader.name for reader in readers] == ["watch live"]  # one, and not the event loop
        assert 5 / seconds < 15
        assert len(set(texts)) == 1

    def test_run_that_nobody_follows_is_not_read(
        self, client: Client, live: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live.write_status(Status(state="queued", heartbeat=time.time()))
        with client.events("/api/stream?run=live") as events:
            events.until("status")
        deadline = time.monotonic() + 5
        while any(thread.name == "watch live" for thread in threading.enumerate()):
            assert time.monotonic() < deadline, "it is read on and on"
            time.sleep(0.05)

    def test_run_that_cannot_be_read_for_a_moment_is_followed_on(
        self, client: Client, live: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watched, "_AFTER_FAILURE", 0.05)
        live.write_status(Status(state="queued", heartbeat=time.time()))
        read, broken = MetricsReader.read, [True]

        def fails(reader: MetricsReader, *arguments: Any, **options: Any) -> Any:
            if broken and threading.current_thread().name == "watch live":
                broken.clear()
                raise RuntimeError("nobody foresaw this")
            return read(reader, *arguments, **options)

        with client.events("/api/stream?run=live") as events:
            events.until("reset")
            monkeypatch.setattr(MetricsReader, "read", fails)
            deadline = time.monotonic() + 5
            while broken:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                writer.write(line(8000))
            assert [found["step"] for found in events.until("lines")["lines"]] == [8000]

    def test_open_streams_do_not_hold_up_the_servers_end(self, root: Path, free_port: int) -> None:
        program = (
            "import uvicorn; from starlette.applications import Starlette; from dashboard import routes as api; "
            "app = Starlette(routes=api.routes(), middleware=api.middleware(), lifespan=api.lifespan); "
            f"uvicorn.run(app, host='127.0.0.1', port={free_port}, log_level='error')"
        )
        environment = {**os.environ, settings.RUNS_VARIABLE: str(root)}
        with subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stderr=subprocess.DEVNULL
        ) as server:
            try:
                client = Client(free_port)
                _wait_for(client)
                with client.events("/api/runs/short/stream") as events:
                    events.until("status")
                    asked = time.monotonic()
                    server.send_signal(signal.SIGINT)
                    while events.next()[0] != "end":
                        pass
                    assert time.monotonic() - asked < 3
                server.wait(30)
            finally:
                server.kill()


def _wait_for(client: Client) -> None:
    for _ in range(300):
        try:
            client.get("/api/")
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not start")
