"""Asks a server on this machine: whole answers, and open streams of events."""

from __future__ import annotations

import http.client
import json
from typing import Any


class Answer:
    """A finished answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def sentence(self) -> str:
        return str(json.loads(self.body)["error"])


class Client:
    """Asks one server."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        try:
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def events(self, path: str, **headers: str) -> Events:
        return Events(self.port, path, headers)


class Events:
    """An open stream; `next` waits for the next event."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        self.response = self.connection.getresponse()
        self.last = ""

    def next(self) -> tuple[str, Any]:
        """Name and content of the next event; ("end", None) when the server has closed."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return "end", None
            if line == "\n" and "event" in fields:
                self.last = fields.get("id", self.last)
                return fields["event"], json.loads(fields["data"])
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value

    def until(self, name: str) -> Any:
        """The content of the next event of a name."""
        while True:
            found, content = self.next()
            assert found != "end", f"the stream ended before {name}"
            if found == name:
                return content

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()


def line(step: int) -> dict[str, Any]:
    return {
        "split": "train", "step": step, "epoch": step / 10, "seconds": step / 5, "beta": 1.0, "distortion": 20.0,
        "rate": 2.0, "elbo": -22.0, "rate_per_dim": [1.0, 1.0], "num_steps": 1, "images_per_second": 100.0,
    }  # fmt: skip
