"""The networks of a watched loop as the weights files of its run keep them."""

from __future__ import annotations

import re

from torch import Tensor

from vae.errors import clean, first_line
from vae.export.onnx import Graph
from vae.export.onnx_file import DECODER, ENCODER
from vae.export.onnx_networks import as_weights, check_outline, external_model
from vae.models.likelihoods import LearnedGaussian
from vae.models.vae import VAE
from vae.runs.snapshots import Probe
from vae.storage.finite_tensors import check_divergence
from vae.watching.adapters import OwnNetwork

#: Images on which the kept networks are compared with those in the program; one and a few are not exported alike.
_NUM_COMPARED = 3
#: How far they may be apart, of one and of the largest value: GPUs round otherwise than onnxruntime does.
_TOLERANCE = 1e-2


class Exports:
    """Makes ONNX of a watched model's networks: once through the exporter, and then by other weights in the same graph.

    Args:
        model: Whose encoder and decoder are `vae.watching.adapters.OwnNetwork`.
        probe: Images to try them on.

    Attributes:
        problem: Why this cannot be done, as a sentence; empty if it can.
    """

    def __init__(self, model: VAE, probe: Probe) -> None:
        self._model, self._probe = model, probe
        self._halves: dict[str, OwnNetwork] = {ENCODER: model.encoder, DECODER: model.decoder}  # type: ignore[dict-item]
        self._graphs: dict[str, Graph[OwnNetwork]] = {}
        self.problem = ""
        self.renew()

    def renew(self) -> None:
        """Export the networks as they are read now."""
        self._graphs, self.problem = {}, ""
        try:
            weights = self._exported()
            check_outline(weights, self._model.config)
            self._compare(external_model(self._model.config, self._model.info, weights), self._probe)
        except Exception as error:  # the exporter, and the user's code in it, may raise anything
            self.problem = clean(
                "pages that show images need networks that can be exported to ONNX, and these cannot, says the "
                f"exporter: {_said(error)}; everything else of the run is kept"
            )
            return
        for name, half in self._halves.items():
            try:
                graph = Graph(half, OwnNetwork.onnx)
            except Exception:  # a network that cannot be copied is exported anew each time
                continue
            if graph.is_exact:
                self._graphs[name] = graph

    def weights(self) -> dict[str, Tensor]:
        """What a weights file holds now. To be called within `vae.watching.isolation.undisturbed`.

        Raises:
            Diverged: If a weight is not finite.
        """
        for half in self._halves.values():
            check_divergence(half.state_dict_on_cpu())
        if not self._graphs:
            return self._exported()
        found = {
            name: self._graphs[name].filled(half.state_dict_on_cpu()) if name in self._graphs else half.onnx()
            for name, half in self._halves.items()
        }
        return as_weights(found[ENCODER], found[DECODER], self._raw_sigma())

    def _exported(self) -> dict[str, Tensor]:
        return as_weights(self._halves[ENCODER].onnx(), self._halves[DECODER].onnx(), self._raw_sigma())

    def _raw_sigma(self) -> Tensor | None:
        likelihood = self._model.likelihood
        if not isinstance(likelihood, LearnedGaussian):
            return None
        return likelihood.raw_sigma.detach().cpu().float()

    def _compare(self, kept: VAE, probe: Probe) -> None:
        """Check that the kept networks give what those in the program give.

        Raises:
            ValueError: If they do not.
        """
        x = probe.x[:_NUM_COMPARED]
        labels = None if probe.labels is None else probe.labels[:_NUM_COMPARED]
        condition = self._model.condition(labels, len(x))
        mean, log_var = self._model.encoder(x, condition)
        ours = {"mean": mean, "log_var": log_var, "output": self._model.decoder(mean, condition)}
        there = None if condition is None else condition.cpu()
        theirs = dict(zip(("mean", "log_var"), kept.encoder(x.cpu(), there), strict=True))
        theirs["output"] = kept.decoder(mean.cpu(), there)
        for name, values in ours.items():
            apart = float((values.cpu() - theirs[name]).abs().max())
            if not apart <= _TOLERANCE * (1 + float(values.abs().max())):
                raise ValueError(
                    f"the exported network's {name} must be the program's, and is {apart:.3g} apart"
                )


def _said(error: Exception) -> str:
    """The exporter's first sentence, without where to complain and in which file."""
    return clean(re.split(r" Please |\. |; see |https?://", first_line(error))[0], 150).rstrip(" .:;,")
