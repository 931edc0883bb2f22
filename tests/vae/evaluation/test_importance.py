"""Where importance weights come from and how they are worked out: proposals, threads, and the command line."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from vae.cli import main
from vae.config.schema import DataConfig
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation.ais import annealed
from vae.evaluation.exact_posterior import exact_posteriors
from vae.evaluation.importance import ImportanceBound, importance_bound, log_weights, max_rows
from vae.evaluation.proposals import drawn
from vae.models.priors import standard_normal_log_prob
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.runtime.cpu_threads import one_core_each

#: Small matrices gain nothing from threads.
pytestmark = pytest.mark.usefixtures("one_core")

MakeModel = Callable[..., VAE]


@pytest.fixture(scope="module")
def images() -> Dataset:
    """12 images of 5 × 4 black and white pixels, all to test."""
    draw = torch.Generator().manual_seed(2)
    pixels = 255 * torch.randint(2, (12, 1, 5, 4), generator=draw, dtype=torch.uint8)
    rows = torch.arange(12)
    return Dataset(pixels, rows % 3, 255, ("a", "b", "c"), rows[:0], rows[:0], rows, DataConfig())


@pytest.fixture
def overconfident(make_model: MakeModel) -> VAE:
    """A decoder that says much, and an encoder that is far too sure of the wrong place."""
    model = make_model(seed=3)
    with torch.no_grad():
        model.decoder.flat[-1].weight *= 8
        model.encoder.mean.bias += 1.5
        model.encoder.log_var.bias -= 7
    return model


def test_the_mixture_and_annealing_find_what_an_overconfident_encoder_misses(
    images: Dataset, overconfident: VAE
) -> None:
    exact = exact_posteriors(overconfident, images, num_images=4)
    assert float(exact.gap.min()) > 1
    assert float((exact.elbo + exact.gap - exact.log_prob).abs().max()) < 1e-3
    narrow = importance_bound(overconfident, images, k=5000, num_images=4)
    safe = importance_bound(overconfident, images, k=5000, num_images=4, proposal="mixture")
    assert bool(((safe.log_prob - exact.log_prob).abs() < 4 * safe.sampling_error).all())
    assert float(safe.sampling_error.max()) < 0.1
    assert bool((narrow.log_prob < exact.log_prob - 0.2).all()), "else there was nothing to be missed"
    chains = annealed(overconfident, images, num_images=4, num_steps=100, num_chains=16)
    assert torch.equal(chains.rows, exact.rows)
    assert float((chains.log_prob - exact.log_prob).abs().max()) < 0.25


@pytest.mark.parametrize("proposal", ["posterior", "mixture"])
def test_a_proposal_s_weights_average_to_one_where_the_image_says_nothing(proposal: str) -> None:
    mean, log_var = torch.tensor([[0.4, -0.3], [0.0, 0.0]]).double(), torch.tensor([[-0.2, 0.3]] * 2).double()
    noise = torch.Generator().manual_seed(0)
    z, log_ratio = drawn(proposal, mean, log_var, 200_000, noise)  # type: ignore[arg-type]
    assert (z.shape, log_ratio.shape) == ((2, 200_000, 2), (2, 200_000))
    weights = log_ratio.exp()
    assert weights.mean(1).tolist() == pytest.approx(
        [1, 1], abs=5 * float(weights.std()) / math.sqrt(200_000)
    )
    # They turn the proposal's points into the prior's.
    assert (weights[:, :, None] * z.square()).mean(1).flatten().tolist() == pytest.approx([1] * 4, abs=0.03)
    if proposal == "posterior":
        log_q = torch.distributions.Normal(mean[:, None], (0.5 * log_var).exp()[:, None]).log_prob(z).sum(2)
        expected = torch.stack([standard_normal_log_prob(z[0]), standard_normal_log_prob(z[1])]) - log_q
        assert torch.allclose(log_ratio, expected, atol=1e-9)
    else:
        assert float(weights.max()) <= 5 + 1e-9  # the prior has a fifth of the mixture


def test_no_other_proposal_is_taken(images: Dataset, make_model: MakeModel) -> None:
    with pytest.raises(UserError, match="proposal must be one of posterior, mixture, got 'prior'"):
        importance_bound(make_model(), images, k=2, proposal="prior")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="proposal must be one of"):
        log_weights(make_model(), torch.zeros(1, 1, 5, 4).double(), None, 2, proposal="")  # type: ignore[arg-type]


def test_the_number_of_threads_does_not_move_the_bound(
    images: Dataset, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, before = make_model(), torch.get_num_threads()
    monkeypatch.setattr("vae.evaluation.importance.max_rows", lambda _: 100)
    try:
        found = []
        for num in (1, 3):
            torch.set_num_threads(num)
            for k in (7, 250):  # images that share a group, and an image in several chunks
                found.append(importance_bound(model, images, k=k, seed=5))
            assert torch.get_num_threads() == num
    finally:
        torch.set_num_threads(before)
    for one, three in zip(found[:2], found[2:], strict=True):
        assert torch.allclose(one.log_prob, three.log_prob, atol=1e-12)
        assert one.curve[0].bound == pytest.approx(three.curve[0].bound)
    assert not torch.equal(found[0].log_prob, importance_bound(model, images, k=7, seed=6).log_prob)


def test_every_image_has_samples_of_its_own(images: Dataset, make_model: MakeModel) -> None:
    model = make_model()
    same = Dataset(
        images.images[:1].expand(12, -1, -1, -1),
        images.labels,
        255,
        images.class_names,
        images.train,
        images.validation,
        images.test,
        DataConfig(),
    )
    found = importance_bound(model, same, k=max_rows(model)).log_prob
    assert len(found.unique()) == 12


def test_work_on_one_core_each_runs_side_by_side_and_leaves_torch_s_threads_as_they_were() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        meeting = threading.Barrier(2, timeout=30)

        def meet(number: int) -> tuple[int, int]:
            meeting.wait()  # only two at once can pass
            return number, torch.get_num_threads()

        with one_core_each() as outer, one_core_each(2) as each:
            assert list(outer(abs, [-3, 2])) == [3, 2]
            assert list(each(meet, range(6))) == [(number, 1) for number in range(6)]
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as later:  # a thread that is born now has what the process has
            assert later.submit(torch.get_num_threads).result() == 2
        with one_core_each(1) as each:
            assert each is map
        with pytest.raises(ZeroDivisionError), one_core_each() as each:
            list(each(lambda number: 1 // number, [1, 0, 1]))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_progress_that_raises_ends_the_work(images: Dataset, make_model: MakeModel) -> None:
    def stop(done: int, _: int) -> None:
        raise KeyboardInterrupt(done)

    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        importance_bound(make_model(), images, k=5, progress=stop)
    assert torch.get_num_threads() == before


def test_few_effective_samples_are_told_with_what_to_do() -> None:
    def bound(sizes: list[float], k: int = 200, proposal: Any = "posterior") -> ImportanceBound:
        return ImportanceBound(torch.zeros(3), torch.tensor(sizes), torch.arange(3), (), k, 0, proposal)

    (sentence,) = bound([1.0, 3.0, 90.0]).warnings()
    assert "about 3.0 of 200 samples or fewer really count" in sentence
    assert "the mixture as proposal, or compare with annealed" in sentence
    (sentence,) = bound([1.0, 3.0, 90.0], proposal="mixture").warnings()
    assert "take more samples, or compare" in sentence
    assert bound([1.0, 5.0, 90.0]).warnings() == bound([1.0, 3.0, 9.0], k=20).warnings() == []
    assert bound([1.0, 5.0, 200.0]).sampling_error.tolist() == pytest.approx(
        [math.sqrt(1 - 0.005), math.sqrt(0.2 - 0.005), 0], abs=1e-6
    )
    # Of few samples that count, or a single one, nobody knows how far they may miss.
    assert bound([1.0, 5.0, 200.0]).to_dict()["sampling_error"] is None
    assert bound([1.0, 1.0, 1.0], k=1).to_dict()["sampling_error"] is None
    assert bound([5.0, 50.0, 200.0]).to_dict()["sampling_error"] == pytest.approx(
        math.sqrt(0.195 + 0.015) / 3
    )


def test_the_command_line_has_the_library_s_figures(
    trained_run: Run, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(trained_run.path), "--images", "2", "--seed", "4", "--importance", "30"]
    command += ["--proposal", "mixture", "--ais", "--ais-steps", "5", "--ais-chains", "2", "--truth"]
    main.main([*command, "--json"])
    told = json.loads(capsys.readouterr().out)
    model = load_model(trained_run, "best")
    bound = importance_bound(model, digits, k=30, num_images=2, seed=4, proposal="mixture")
    assert told["importance"] == json.loads(json.dumps(bound.to_dict()))
    chains = annealed(model, digits, num_images=2, num_steps=5, num_chains=2, seed=4)
    assert told["ais"] == json.loads(json.dumps(chains.to_dict()))
    exact = exact_posteriors(model, digits, num_images=2, seed=4)
    assert told["truth"] == json.loads(json.dumps(exact.to_dict()))
    main.main(command)
    text = capsys.readouterr().out
    assert f"{bound.bound.mean:.3f} ± {bound.bound.standard_error:.3f} (importance-weighted, mixture" in text
    assert f"± {bound.to_dict()['sampling_error']:.2g} from sampling alone" in text
    size = told["ais"]["effective_size"]
    assert "(annealed, 5 steps, 2 chains, 2 images, seed 4; a lower bound on average; " in text
    assert f"{size['mean']:.1f} effective chains on average, {size['min']:.1f} at least; " in text
    assert f"{told['ais']['accepted']:.0%} of the transitions accepted)" in text
    assert f"ELBO + gap misses it by at most {told['truth']['largest_misfit']:.1g}, a finer grid" in text
    assert f"changed an integral by at most {told['truth']['largest_change']:.1g})" in text
    assert f"{float(exact.log_prob.mean()):.3f} ± " in text


def test_of_one_image_the_command_line_tells_no_error(
    trained_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(trained_run.path), "--images", "1", "--importance", "10", "--truth"]
    main.main(command)
    lines = [line for line in capsys.readouterr().out.splitlines() if "log p(x)" in line]
    assert [" ± ? (" in line and "1 image, seed 0" in line for line in lines] == [True, True]
    main.main([*command, "--json"])
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert told["importance"]["standard_error"] is told["truth"]["gap_standard_error"] is None


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--images", "3"], "--images applies to --importance"),
        (["--proposal", "mixture"], "--proposal mixture needs --importance"),
        (["--ais-steps", "3"], "--ais-steps and --ais-chains need --ais"),
        (["--truth", "--images", "0"], "--images must be at least 1, got 0"),
        (["--importance", "0"], "k must be from 1 to 1,000,000 samples, got 0"),
    ],
)
def test_the_command_line_refuses_what_cannot_be_before_it_computes(
    options: list[str],
    sentence: str,
    trained_run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vae.evaluation.elbo.evaluate", lambda *_, **__: pytest.fail("it computed"))
    with pytest.raises(SystemExit):
        main.main(["evaluate", str(trained_run.path), *options])
    assert sentence in capsys.readouterr().err
