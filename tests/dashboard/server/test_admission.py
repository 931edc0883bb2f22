"""Requests that compute: their turns, what they share, and what is not begun."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from dashboard.server import admission
from dashboard.server.admission import Abandoned, Admission, Busy, unless_gone


class Gate:
    """A computation that lasts until it is let go."""

    def __init__(self) -> None:
        self.open, self.entered, self.num_entered = threading.Event(), threading.Event(), 0

    def __call__(self) -> str:
        self.num_entered += 1
        self.entered.set()
        assert self.open.wait(20)
        return "through"


def at_work(gate: Gate) -> Callable[[], bool]:
    return gate.entered.is_set


async def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.002)


def make(**options: int) -> Admission:
    return Admission("test", **{"at_once": 1, "in_all": 4, **options})


def test_a_slow_run_holds_up_no_other_for_longer_than_a_moment() -> None:
    async def scenario() -> float:
        found, gates = make(at_once=2), [Gate() for _ in range(4)]
        slow = [asyncio.ensure_future(found.run("slow", gate)) for gate in gates]
        await until(lambda: sum(gate.num_entered for gate in gates) == 2)
        began = time.monotonic()
        assert await found.run("quick", lambda: 7) == 7
        waited = time.monotonic() - began
        for gate in gates:
            gate.open.set()
        await asyncio.gather(*slow)
        return waited

    assert asyncio.run(scenario()) < 1


def test_slow_runs_do_not_hold_up_each_other() -> None:
    async def scenario() -> None:
        found, gates = make(in_all=6), [Gate() for _ in range(6)]
        slow = [asyncio.ensure_future(found.run(number, gate)) for number, gate in enumerate(gates)]
        # Nobody says so: each begins when the one before it counts as slow.
        await until(lambda: all(gate.entered.is_set() for gate in gates))
        for gate in gates:
            gate.open.set()
        await asyncio.gather(*slow)

    asyncio.run(scenario())


def test_a_slow_run_waits_for_itself() -> None:
    async def scenario() -> None:
        found, gates = make(of_a_group=1), [Gate(), Gate()]
        asked = [asyncio.ensure_future(found.run("run", gate)) for gate in gates]
        await until(at_work(gates[0]))
        # Another is let in when the one at work counts as slow; its own group's next, who came before, is not.
        assert await found.run("other", lambda: 7) == 7
        assert not gates[1].entered.is_set()
        gates[0].open.set()
        gates[1].open.set()
        assert await asyncio.gather(*asked) == ["through"] * 2

    asyncio.run(scenario())


def test_runs_take_turns_however_much_one_of_them_asks() -> None:
    async def scenario() -> list[str]:
        found, gate, order = make(), Gate(), list[str]()
        first = asyncio.ensure_future(found.run("first", gate))
        await until(at_work(gate))
        asked = [
            asyncio.ensure_future(found.run(run, lambda run=run: order.append(run)))  # type: ignore[misc]
            for run in ["many"] * 4 + ["few", "one", "few"]
        ]
        await until(lambda: found.num_waiting == 7)
        gate.open.set()
        await asyncio.gather(first, *asked)
        return order

    assert asyncio.run(scenario()) == ["many", "few", "one", "many", "few", "many", "many"]


def test_equal_requests_are_computed_once_and_all_get_the_result() -> None:
    async def scenario() -> None:
        found, gate = make(in_all=8), Gate()
        asked = [asyncio.ensure_future(found.run("run", gate, "sheet")) for _ in range(100)]
        await until(at_work(gate))
        gate.open.set()
        assert await asyncio.gather(*asked) == ["through"] * 100
        assert gate.num_entered == 1
        # What is over is computed anew: keeping results is a cache's business.
        assert await found.run("run", gate, "sheet") == "through"
        assert gate.num_entered == 2

    asyncio.run(scenario())


def test_an_error_reaches_all_who_asked() -> None:
    async def scenario() -> None:
        found, gate = make(), Gate()

        def fail() -> None:
            gate()
            raise ZeroDivisionError

        asked = [asyncio.ensure_future(found.run("run", fail, "key")) for _ in range(3)]
        await until(at_work(gate))
        gate.open.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ZeroDivisionError] * 3
        assert await found.run("run", lambda: "next") == "next"

    asyncio.run(scenario())


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    async def scenario() -> None:
        found, gate, left = make(), Gate(), Gate()
        first = asyncio.ensure_future(found.run("run", gate))
        await until(at_work(gate))
        gone = asyncio.ensure_future(found.run("run", left, "key"))
        stays = asyncio.ensure_future(found.run("run", lambda: "stays"))
        await until(lambda: found.num_waiting == 2)
        gone.cancel()
        await until(lambda: found.num_waiting == 1)
        gate.open.set()
        assert await asyncio.gather(first, stays) == ["through", "stays"]
        assert left.num_entered == 0

    asyncio.run(scenario())


def test_one_of_two_who_asked_may_go() -> None:
    async def scenario() -> None:
        found, gate = make(), Gate()
        goes, stays = (asyncio.ensure_future(found.run("run", gate, "key")) for _ in range(2))
        await until(at_work(gate))
        goes.cancel()
        await asyncio.sleep(0)
        gate.open.set()
        assert await stays == "through"

    asyncio.run(scenario())


def test_a_long_computation_ends_when_its_last_client_has_gone() -> None:
    async def scenario() -> None:
        found, begun, ended = make(), threading.Event(), threading.Event()

        def parts() -> None:
            begun.set()
            try:
                for _ in range(10_000):
                    admission.check()
                    time.sleep(0.001)
            except Abandoned:
                ended.set()
                raise

        asked = asyncio.ensure_future(found.run("run", parts, "key"))
        await until(begun.is_set)
        asked.cancel()
        await until(ended.is_set)
        # Who asks again does not get what was given up.
        assert await found.run("run", lambda: "anew", "key") == "anew"

    asyncio.run(scenario())


def test_outside_of_a_request_nothing_is_abandoned() -> None:
    admission.check()


@pytest.mark.parametrize("of_one_run", [True, False])
def test_too_many_waiting_are_turned_away_with_a_sentence(of_one_run: bool) -> None:
    async def scenario() -> None:
        limits = {"most_of_a_group": 2} if of_one_run else {"most_waiting": 2}
        found, gate = make(**limits), Gate()
        first = asyncio.ensure_future(found.run("run", gate))
        await until(at_work(gate))
        waiting = [asyncio.ensure_future(found.run("run", lambda: 1)) for _ in range(2)]
        await until(lambda: found.num_waiting == 2)
        with pytest.raises(Busy, match="try again in 2 s"):
            await found.run("run", lambda: 1)
        if of_one_run:
            other = asyncio.ensure_future(found.run("other", lambda: 2))
        gate.open.set()
        await asyncio.gather(first, *waiting)
        if of_one_run:
            assert await other == 2

    asyncio.run(scenario())


def test_a_client_that_goes_calls_its_request_off() -> None:
    async def scenario() -> None:
        found, gate, leave = make(), Gate(), asyncio.Event()
        first = asyncio.ensure_future(found.run("run", gate))
        await until(at_work(gate))

        async def receive() -> dict[str, str]:
            await leave.wait()
            return {"type": "http.disconnect"}

        asked = asyncio.ensure_future(unless_gone(receive, found.run("run", lambda: 1)))
        await until(lambda: found.num_waiting == 1)
        leave.set()
        assert await asked is None
        assert found.num_waiting == 0
        gate.open.set()
        await first

    asyncio.run(scenario())


def test_threads_that_have_nothing_to_do_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_IDLE", 0.05)
    found = Admission("ending", at_once=2, in_all=4)
    assert asyncio.run(found.run("run", lambda: 3)) == 3
    deadline = time.monotonic() + 5
    while any(thread.name == "ending" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # And others take their place.
    assert asyncio.run(found.run("run", lambda: 4)) == 4
