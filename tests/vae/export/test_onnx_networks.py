"""Graphs of strangers: looked at before anything runs, and bounded while it does."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.hostile.graphs import honest
from vae.config.schema import DataInfo, ModelConfig, RunConfig
from vae.errors import UserError
from vae.export.onnx_file import ENCODER
from vae.export.onnx_networks import as_weights, external_model
from vae.models.vae import VAE
from vae.runs.archive import ArchiveError, export_run, import_run
from vae.runs.run import Run
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import save

CONFIG = ModelConfig(network="external", latent_dim=2, likelihood="gaussian")
Change = Callable[[onnx.ModelProto], None]


def model_of(decoder: bytes, info: DataInfo, config: ModelConfig = CONFIG) -> VAE:
    return external_model(config, info, as_weights(honest(ENCODER).SerializeToString(), decoder))


def test_a_graph_is_a_model(tiny_info: DataInfo) -> None:
    model = model_of(honest().SerializeToString(), tiny_info)
    z = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    assert torch.equal(model.decode(z), z.sum(1)[:, None, None, None].expand(-1, 1, 5, 4))
    assert torch.equal(model.posterior(torch.ones(3, 1, 5, 4))[0], torch.full((3, 2), 20.0))


def test_gradients_are_refused_with_a_sentence(tiny_info: DataInfo) -> None:
    model = model_of(honest().SerializeToString(), tiny_info)
    with pytest.raises(UserError, match="what needs gradients"):
        model.decode(torch.zeros(1, 2, requires_grad=True))


def _refer(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../../etc/passwd")


def _refer_in_a_branch(model: onnx.ModelProto) -> None:
    secret = helper.make_tensor("secret", TensorProto.FLOAT, [1], [0.0])
    secret.external_data.add(key="location", value="/etc/passwd")
    branch = helper.make_graph([helper.make_node("Constant", [], ["out"], value=secret)], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["z"], ["more"], then_branch=branch, else_branch=branch))


def _node(operator: str, domain: str = "", **attributes: object) -> Change:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node(operator, ["z"], ["more"], domain=domain, **attributes))

    return change


def _rename(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "w"
    model.graph.node[0].input[0] = "w"


def _reshape(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3


def _other_type(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64


def _newer(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def _short(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = b"1234"


def _claim(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [2, 1 << 40]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_refer, "refers to another file"),
        (_refer_in_a_branch, "refers to another file"),
        (_node("Loop"), "without loops, chance or operators of others, and has 'Loop'"),
        (_node("RandomNormalLike"), "has 'RandomNormalLike'"),
        (_node("Anything", "com.microsoft"), "has 'Anything'"),
        (_node("NoSuchOperator"), "must be valid ONNX"),
        (_rename, "must have the inputs z, and has w"),
        (_reshape, r"must take z as float32 of shape \(B, 2\)"),
        (_other_type, r"must take z as float32 of shape \(B, 2\)"),
        (_newer, "must have the standard operators of set 17"),
        (_short, "must be valid ONNX|cannot be run"),
        (_claim, "must be valid ONNX|cannot be run"),
    ],
)
def test_a_hostile_graph_is_refused(change: Change, sentence: str, tiny_info: DataInfo) -> None:
    model = honest()
    change(model)
    with pytest.raises(CheckpointError, match=sentence):
        model_of(model.SerializeToString(), tiny_info)


@pytest.mark.parametrize("data", [b"\0", b"\xff" * 100, b"PK\x03\x04"])
def test_what_is_no_graph_is_refused(data: bytes, tiny_info: DataInfo) -> None:
    with pytest.raises(CheckpointError, match=r"decoder\.onnx must"):
        model_of(data, tiny_info)


def test_a_small_file_that_asks_for_endless_memory_gets_none(tiny_info: DataInfo) -> None:
    model = honest()
    many = numpy_helper.from_array(np.array([1 << 40]), "many")
    model.graph.initializer.append(many)
    del model.graph.node[:]
    model.graph.node.extend(
        [
            helper.make_node("ConstantOfShape", ["many"], ["zeros"]),
            helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
            helper.make_node("MatMul", ["z", "weight"], ["flat"]),
            helper.make_node("Add", ["flat", "sum"], ["shifted"]),
            helper.make_node("Reshape", ["shifted", "shape"], ["output"]),
        ]
    )
    with pytest.raises(CheckpointError, match="cannot be run"):
        model_of(model.SerializeToString(), tiny_info).decode(torch.zeros(1, 2))


def test_outputs_of_another_shape_than_the_images_are_refused(tiny_info: DataInfo) -> None:
    model = honest()
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.array([-1, 1, 4, 5]), "shape"))
    with pytest.raises(CheckpointError, match=r"must give output of shape \(1, 1, 5, 4\)"):
        model_of(model.SerializeToString(), tiny_info).decode(torch.zeros(1, 2))


def test_networks_of_others_are_watched_not_made(tiny_info: DataInfo) -> None:
    with pytest.raises(UserError, match=r"vae\.watch"):
        VAE(CONFIG, tiny_info)


def test_a_stranger_s_run_with_a_hostile_graph_is_not_imported(tmp_path: Path, tiny_info: DataInfo) -> None:
    run = Run.create(tmp_path / "own", RunConfig(model=CONFIG), tiny_info)
    good, bad = honest(), honest()
    _refer(bad)
    halves = honest(ENCODER).SerializeToString()
    save(run.path, "live", as_weights(halves, good.SerializeToString()), {"step": 1})
    file = io.BytesIO()
    export_run(run, file)
    assert zipfile.ZipFile(file).namelist() == ["own/config.json", "own/live.safetensors"]
    import_run(io.BytesIO(file.getvalue()), tmp_path / "elsewhere")
    save(run.path, "live", as_weights(halves, bad.SerializeToString()), {"step": 1})
    file = io.BytesIO()
    export_run(run, file)
    with pytest.raises(ArchiveError, match="refers to another file"):
        import_run(io.BytesIO(file.getvalue()), tmp_path / "nowhere")
    assert not list((tmp_path / "nowhere").iterdir())
