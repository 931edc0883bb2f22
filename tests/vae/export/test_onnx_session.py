"""Graphs of strangers cost no more than was known before, and a slow one keeps nobody else waiting."""

from __future__ import annotations

import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from tests.hostile import graphs as hostile
from tests.hostile.measured import cost
from vae.config.schema import DataInfo, ModelConfig, RunConfig
from vae.export import onnx_session
from vae.export.onnx_file import DECODER
from vae.export.onnx_networks import Graph, as_weights, external_model
from vae.export.onnx_outline import Unbounded, outline
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import save

CONFIG = ModelConfig(network="external", latent_dim=2, likelihood="gaussian")
HONEST = hostile.honest().SerializeToString()


def model_of(decoder: bytes, info: DataInfo) -> VAE:
    return external_model(CONFIG, info, as_weights(hostile.honest("encoder").SerializeToString(), decoder))


@pytest.fixture
def quick_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second for a graph: long for honest ones of these tests."""
    monkeypatch.setattr(onnx_session, "GRAPH_OPEN_SECONDS", 1.0)
    monkeypatch.setattr(onnx_session, "GRAPH_RUN_SECONDS", 1.0)


# Counted before it is parsed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", hostile.MESSAGES.values(), ids=hostile.MESSAGES)
def test_a_graph_of_too_many_messages_is_refused_before_it_is_parsed(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch, tiny_info: DataInfo
) -> None:
    monkeypatch.setattr(onnx, "load_from_string", None)
    monkeypatch.setattr(onnx_session._pool, "process", None)
    with pytest.raises(
        CheckpointError, match=r"decoder\.onnx must (have at most|not be nested|hold its numbers)"
    ):
        Graph(DECODER, memoryview(make()), CONFIG, tiny_info)


def test_an_outline_is_the_graph_without_its_large_numbers() -> None:
    model = hostile.honest()
    large = np.arange(2 * 10_000, dtype=np.float32).reshape(2, 10_000)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(large, "weight"))
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(large[:, :5000], "c"))
    model.graph.node.insert(0, constant)
    found = outline(model.SerializeToString())
    assert len(found) < 1000
    parsed = onnx.load_from_string(found)
    onnx.checker.check_model(parsed)
    assert [node.op_type for node in parsed.graph.node] == ["Constant", "MatMul", "Reshape"]
    assert numpy_helper.to_array(parsed.graph.initializer[1]).tolist() == [-1, 1, 5, 4]
    assert outline(HONEST) == HONEST


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.99])
def test_a_graph_that_is_cut_short_is_refused(part: float) -> None:
    with pytest.raises(Unbounded, match="cannot be read"):
        outline(HONEST[: int(part * len(HONEST))])


def test_a_graph_with_any_byte_changed_is_a_graph_or_a_sentence(tiny_info: DataInfo) -> None:
    source = np.random.default_rng(0)
    for place in source.integers(0, len(HONEST), 60):
        changed = bytearray(HONEST)
        changed[place] = source.integers(0, 256)
        try:
            model_of(bytes(changed), tiny_info).decode(torch.zeros(1, 2))
        except CheckpointError as error:
            assert str(error).startswith(DECODER)


# In a process of its own ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", hostile.MEMORY.values(), ids=hostile.MEMORY)
def test_a_graph_that_swells_is_refused_and_the_next_one_runs(
    make: Callable[[], bytes], quick_limits: None, tiny_info: DataInfo
) -> None:
    with pytest.raises(CheckpointError, match=r"decoder\.onnx (cannot be run|takes longer)"):
        model_of(make(), tiny_info)
    assert model_of(HONEST, tiny_info).decode(torch.ones(1, 2)).sum() == 40


@pytest.mark.parametrize("make", hostile.TIME.values(), ids=hostile.TIME)
def test_a_graph_that_is_slow_is_given_up_in_time(
    make: Callable[[], bytes], quick_limits: None, tiny_info: DataInfo
) -> None:
    data, begun = make(), time.monotonic()
    with pytest.raises(CheckpointError, match=r"decoder\.onnx takes longer than 1 s"):
        model_of(data, tiny_info)
    assert time.monotonic() - begun < 5


def test_a_slow_graph_keeps_no_other_waiting(quick_limits: None, tiny_info: DataInfo) -> None:
    slow, other = model_of(hostile.products_for_some(), tiny_info), model_of(HONEST, tiny_info)
    said: list[str] = []

    def ask() -> None:
        with pytest.raises(CheckpointError, match="takes longer") as found:
            slow.decode(torch.ones(1, 2))
        said.append(str(found.value))

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    until = time.monotonic() + 10
    while not onnx_session._pool._num_busy:  # the slow graph is asked
        assert time.monotonic() < until
        time.sleep(0.005)
    waits = []
    for _ in range(20):
        begun = time.monotonic()
        assert other.decode(torch.ones(1, 2)).sum() == 40
        waits.append(time.monotonic() - begun)
    for asker in askers:
        asker.join()
    assert len(said) == 3
    assert sorted(waits)[-2] < 0.5  # one of them may have to start a process
    assert max(waits) < 3
    assert slow.decode(torch.zeros(1, 2)).sum() == 0  # and it is asked again as if nothing had been


def test_a_graph_whose_process_was_killed_is_opened_again(tiny_info: DataInfo) -> None:
    model = model_of(HONEST, tiny_info)
    for process in onnx_session._pool._idle:
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait()
    assert model.decode(torch.ones(1, 2)).sum() == 40


def test_a_fork_starts_processes_of_its_own(tiny_info: DataInfo) -> None:
    model = model_of(HONEST, tiny_info)
    pid = os.fork()
    if pid == 0:
        os._exit(int(float(model.decode(torch.ones(1, 2)).sum())))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 40
    assert model.decode(torch.ones(1, 2)).sum() == 40


def test_more_graphs_than_may_be_open_are_opened_in_turn(tiny_info: DataInfo) -> None:
    models = [model_of(HONEST, tiny_info) for _ in range(12)]
    for model in [*models, *models]:
        assert model.decode(torch.ones(1, 2)).sum() == 40
    assert all(len(process.open) <= onnx_session.GRAPHS_OPEN for process in onnx_session._pool._idle)


def test_examples_are_asked_for_in_pieces_where_they_are_slow_or_large(
    monkeypatch: pytest.MonkeyPatch, tiny_info: DataInfo
) -> None:
    graph = Graph(DECODER, memoryview(HONEST), CONFIG, tiny_info)._graph
    z = np.random.default_rng(0).normal(size=(1000, 2)).astype(np.float32)
    whole = graph.run([z])[0]
    asked: list[int] = []
    answer = graph._answer
    monkeypatch.setattr(graph, "_answer", lambda given, num: (asked.append(num), answer(given, num))[1])
    graph._seconds = 0.02
    assert np.array_equal(graph.run([z])[0], whole)
    assert asked == [100, 900]
    asked.clear()
    monkeypatch.setattr(onnx_session, "_PIECE_BYTES", 300 * 22 * 4)
    assert np.array_equal(graph.run([z])[0], whole)
    assert asked == [300, 300, 300, 100]
    assert graph.run([z[:0]])[0].shape == (0, 1, 5, 4)


def test_a_large_graph_is_refused_by_its_size(tiny_info: DataInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_session, "GRAPH_BYTES", 100)
    with pytest.raises(CheckpointError, match="must have at most 100 bytes, and has"):
        model_of(HONEST, tiny_info)


# A whole import ------------------------------------------------------------------------------------


def zipped(folder: Path, decoder: bytes, info: DataInfo) -> Path:
    """A run with such a decoder, as a zip file."""
    run = Run.create(folder / "own", RunConfig(model=CONFIG), info)
    halves = as_weights(hostile.honest("encoder").SerializeToString(), decoder)
    save(run.path, "live", halves, {"step": 1})
    target = folder / "own.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in (run.path / "config.json", run.path / "live.safetensors"):
            archive.write(path, f"own/{path.name}")
    return target


@pytest.mark.parametrize("make", [hostile.many_initializers, hostile.many_large], ids=["messages", "memory"])
def test_the_import_of_a_small_zip_with_a_monstrous_graph_stays_small(
    make: Callable[[], bytes], tmp_path: Path, tiny_info: DataInfo
) -> None:
    file = zipped(tmp_path, make(), tiny_info)
    assert file.stat().st_size < 50_000
    found = cost("-m", "vae", "import", file, "--runs", tmp_path / "runs")
    assert (found.code, found.output.count("\n")) == (2, 1)
    assert "the zip file holds no good run: decoder.onnx" in found.output
    assert found.mebibytes < 1000
    assert found.seconds < 60  # on a busy machine; alone it takes 3 or, where the time limit ends it, 9
    assert not list((tmp_path / "runs").iterdir())


def test_a_large_honest_graph_is_imported_within_the_budget(tmp_path: Path, tiny_info: DataInfo) -> None:
    side = 4900  # 92 MiB
    model = hostile.honest()
    weights = [
        np.ones((2, side), np.float32),
        np.ones((side, side), np.float32),
        np.ones((side, 20), np.float32),
    ]
    del model.graph.initializer[0], model.graph.node[0]
    for place, values in enumerate(weights):
        model.graph.initializer.append(numpy_helper.from_array(values, f"w{place}"))
    chain = ["z", "a", "b", "flat"]
    for place in range(3):
        node = helper.make_node("MatMul", [chain[place], f"w{place}"], [chain[place + 1]])
        model.graph.node.insert(place, node)
    file = zipped(tmp_path, model.SerializeToString(), tiny_info)
    found = cost("-m", "vae", "import", file, "--runs", tmp_path / "runs")
    assert found.code == 0, found.output
    assert found.mebibytes < 1000
