"""Weights files with ONNX graphs of a watched run, checked without torch.

See `vae.export.onnx_networks` for what such a file has.
"""

from __future__ import annotations

from pathlib import Path

from vae.config.schema import DataInfo, ModelConfig
from vae.export.onnx_session import GraphError, OpenGraph
from vae.limits import GRAPH_BYTES
from vae.storage.atomic import disk_sentence
from vae.storage.safetensors_header import CheckpointError, Entry, damaged, open_file, read_header

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
REMEDY = "watch the training again, or import the run again"
#: The learned standard deviation of a likelihood, beside the graphs.
_SIGMA = "likelihood.raw_sigma"

Shapes = dict[str, tuple[int, ...]]


def interface(half: str, config: ModelConfig, info: DataInfo) -> tuple[Shapes, Shapes]:
    """Inputs and outputs of a half by name, with their shapes without the batch: `ENCODER` or `DECODER`."""
    image, latent = (info.channels, info.height, info.width), (config.latent_dim,)
    y: Shapes = {"y": (info.num_classes,)} if config.conditional else {}
    if half == ENCODER:
        return {"x": image, **y}, {"mean": latent, "log_var": latent}
    return {"z": latent, **y}, {"output": image}


def open_graph(half: str, data: memoryview, config: ModelConfig, info: DataInfo, threads: int) -> OpenGraph:
    """One half of a model, looked at and opened.

    Raises:
        CheckpointError: As `vae.export.onnx_session.OpenGraph` says.
    """
    try:
        return OpenGraph(data, *interface(half, config, info), threads)
    except GraphError as error:
        raise refusal(half, error) from None


def refusal(half: str, error: GraphError) -> CheckpointError:
    """What a user hears of a graph that is not run."""
    return CheckpointError(f"{half} {error}; {REMEDY}")


def check_graphs(path: Path, config: ModelConfig, info: DataInfo) -> None:
    """Look at the graphs of a weights file, open them, and try each with one example; one after the other.

    Raises:
        CheckpointError: If the file is damaged, has something else in it, or a graph is refused.
    """
    try:
        with open_file(path) as file:
            entries = {entry.name: entry for entry in read_header(path, file)[0]}
            start = file.tell()
            expected = {ENCODER: "U8", DECODER: "U8"}
            if config.likelihood == "gaussian-learned":
                expected[_SIGMA] = "F32"
            _check_entries(entries, expected)
            for half in (ENCODER, DECODER):
                entry = entries[half]
                file.seek(start + entry.begin)
                data = file.read(entry.end - entry.begin)
                if len(data) < entry.end - entry.begin:
                    raise damaged(path, "it has become shorter while it was read")
                open_graph(half, memoryview(data), config, info, threads=1).close()
                del data
    except OSError as error:
        raise CheckpointError(disk_sentence(error)) from error


def _check_entries(entries: dict[str, Entry], expected: dict[str, str]) -> None:
    if entries.keys() != expected.keys() or any(
        entries[name].dtype != kind for name, kind in expected.items()
    ):
        raise CheckpointError(
            f"the weights of somebody's own networks must be {', '.join(expected)}, and are "
            f"{', '.join(sorted(entries))[:100] or 'none'}; {REMEDY}"
        )
    size = max(entries[half].end - entries[half].begin for half in (ENCODER, DECODER))
    if size > GRAPH_BYTES:
        raise CheckpointError(
            f"a graph must have at most {GRAPH_BYTES:,} bytes, and one has {size:,}; {REMEDY}"
        )
