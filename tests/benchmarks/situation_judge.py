"""Whether what is said of a situation is right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from tests.benchmarks.situation_runs import Bench
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose
from vae.diagnostics.diagnosis import Diagnosis
from vae.evaluation.elbo import evaluate
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model

Make = Callable[[Bench], tuple[Run | VAE, Dataset, dict[str, object]]]
#: Training images that the best picture is made of, at most.
_MOST = 5000
FINE = ("healthy", "spare-dimensions")
#: Of a healthy run a remedy that nobody needs, and of a run that has not ended what only its end can tell.
LEARNING = ("still-learning",)


@dataclass(frozen=True)
class Situation:
    """One of them.

    Attributes:
        name: For the command line and the folder of its run.
        group: What it is one of.
        make: Makes it: what is diagnosed, its images, and further arguments of `diagnose`.
        right: Names of the verdicts that are right.
        says: Regular expressions, each of which must be found in what is said.
        never: Regular expressions that must not be.
    """

    name: str
    group: str
    make: Make
    right: tuple[str, ...]
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def words(diagnosis: Diagnosis) -> str:
    """All that is said, verdict and remarks."""
    return "\n".join(
        "\n".join([each.title, each.sentence, *map(str, each.evidence), *each.remedies])
        for each in diagnosis.findings
    )


def best_picture(dataset: Dataset, model: VAE) -> float | None:
    """The distortion of the best picture of all images (of each class, for a conditional model), on the test part.

    Found by descent in the decoder's output, for any likelihood of independent pixels; None for others.
    """
    if model.config.decoder != "independent":
        return None
    images, labels = dataset.part("train")
    images, labels = images[:_MOST], None if labels is None else labels[:_MOST]
    x = dataset.pixels(images, torch.Generator().manual_seed(0))
    test, own = (
        dataset.pixels(dataset.part("test")[0], torch.Generator().manual_seed(1)),
        dataset.part("test")[1],
    )
    conditional = model.num_conditions > 0 and labels is not None
    num = model.num_conditions if conditional else 1
    groups = labels if conditional else torch.zeros(len(x), dtype=torch.long)
    theirs = own if conditional else torch.zeros(len(test), dtype=torch.long)
    assert groups is not None and theirs is not None
    likelihood = model.likelihood
    logits = "bernoulli" in model.config.likelihood
    start = x.mean(0).expand(num, *x.shape[1:]).clamp(1e-3, 1 - 1e-3)
    output = (torch.logit(start) if logits else start).clone().requires_grad_()
    optimizer = torch.optim.Adam([output], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        (-likelihood.log_prob(output[groups], x)).mean().backward()
        optimizer.step()
    with torch.no_grad():
        if model.config.likelihood == "gaussian-learned":
            squares = (output[groups] - x).square().mean()
            error = (output[theirs] - test).square().flatten(1).sum(1).mean()
            sigma = squares.clamp_min(1e-8)
            return float(0.5 * error / sigma + 0.5 * x[0].numel() * torch.log(2 * torch.pi * sigma))
        return float(-likelihood.log_prob(output[theirs], test).mean())


@dataclass(frozen=True)
class Outcome:
    """What came of a situation with one seed."""

    verdict: str
    remarks: tuple[str, ...]
    problems: tuple[str, ...]


def judge(situation: Situation, bench: Bench) -> Outcome:
    """Make it, diagnose it and compare with the answer."""
    target, dataset, options = situation.make(bench, situation.name)  # type: ignore[call-arg]
    found = diagnose(target, dataset, **options)  # type: ignore[arg-type]
    name, text, problems = found.verdict.name, words(found), []
    if name not in situation.right:
        problems.append(f"{name} is not {' or '.join(situation.right)}")
    problems += [f"does not say {each!r}" for each in situation.says if not re.search(each, text)]
    problems += [f"says {each!r}" for each in situation.never if re.search(each, text)]
    try:
        json.dumps(found.to_dict(), allow_nan=False)
    except ValueError:
        problems.append("is no JSON")
    if situation.group == "healthy" and any(finding.is_fault for finding in found.findings):
        problems.append("is accused")
    if name in FINE and isinstance(target, Run):
        model = load_model(target, options.get("at", "last"))  # type: ignore[arg-type]
        alone = best_picture(dataset, model)
        cost = -evaluate(model, dataset, "test", seed=1).elbo
        if alone is not None and cost > alone:
            problems.append(f"called {name} at {cost:.2f} nats, and the best picture costs {alone:.2f}")
    return Outcome(name, tuple(remark.name for remark in found.remarks), tuple(problems))
