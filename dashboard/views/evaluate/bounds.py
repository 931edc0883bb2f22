"""The ELBO and its parts on the Evaluate page, and the bounds on log p(x), measured in the background and saved."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import datasets, models
from dashboard.components.chart import Series, chart
from dashboard.components.signal import rerun_when_changed
from dashboard.jobs import test_metrics
from dashboard.jobs.measurements import IMPORTANCE, kept
from dashboard.jobs.queue import Progress, background
from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.server import topics
from dashboard.shell.job_progress import progress as follow
from dashboard.views.evaluate import link
from vae.evaluation import saved_bounds
from vae.evaluation.comparability import EvaluationProtocol
from vae.evaluation.saved_bounds import Bound
from vae.evaluation.saved_metrics import Figures, Result
from vae.models.posterior_statistics import ACTIVE_THRESHOLD
from vae.runs.run import Run
from vae.runtime.number_format import plus_minus

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator

_HELP = {
    "proposal": "q(z|x), as in published tables, or a mixture with wider Gaussians and the prior, which also "
    "covers what q(z|x) misses."
}
_FROM = {"importance": "q(z|x)", "mixture": "a mixture of q(z|x), wider Gaussians and the prior"}


def elbo(run: Run) -> Result | None:
    """Draw the ELBO and its parts; begin to measure them if they are not there."""
    found, why = test_metrics.kept(run), test_metrics.why_not(run)
    if found is None:
        job = test_metrics.job(run)
        if why:
            st.info(plain(f"The test metrics cannot be measured: {why}"))
        elif job is not None and job.state == "failed":
            st.error(plain(f"The test metrics could not be measured: {job.error}"))
        else:
            test_metrics.start(run)
            st.caption("Measuring the test metrics…")
            follow(test_metrics.key(run), place=":elbo")
        return None
    best = found.best
    total, distortion, rate = best.printed()
    columns = st.columns(5)
    columns[0].metric("−ELBO, nats", f"{total:.2f} {plus_minus(best.standard_error, 2)}")
    columns[1].metric("Reconstruction (distortion)", f"{distortion:.2f}")
    columns[2].metric("KL (rate)", f"{rate:.2f}")
    columns[3].metric("Active units", f"{best.active_units} of {len(best.rate_per_dim)}")
    columns[4].metric("Test images", f"{found.num_images:,}")
    if parts := _parts(best):
        st.html(parts)
    st.caption(
        plain(
            f"{_words(run)}; N = {found.num_images:,}; ± one standard error over the images. Best weights: step "
            f"{best.step:,} of {found.step:,}."
        ),
        help=f"One sample of z per image (seed {run.config.train.seed}); β = 1 whatever the training β was. Active: "
        f"variance of the posterior mean over these images above {ACTIVE_THRESHOLD:g}.",
    )
    return found


def _words(run: Run) -> str:
    words = EvaluationProtocol.of(run).words
    return f"Nats per example, best weights; {words}"


def _parts(found: Figures) -> str:
    """Distortion and rate as the parts of −ELBO, as HTML; nothing where a density makes one of them negative."""
    share = found.share_of_distortion
    if share is None:
        return ""
    _, distortion, rate = found.printed()
    words = f"−ELBO is reconstruction {distortion:.2f} and KL {rate:.2f}"
    return f"""<style>
.ll-parts {{ border-radius: 4px; display: flex; gap: 2px; height: 0.75rem; overflow: hidden; }}
.ll-parts i:first-child {{ background: #2f83c4; flex: {share:.4f}; }}
.ll-parts i:last-child {{ background: #cf6a12; flex: {1 - share:.4f}; }}
.ll-parts-key {{ display: flex; font-size: 0.8125rem; justify-content: space-between; margin-top: 2px; }}
</style><div class="ll-parts" role="img" aria-label="{html.escape(words)}"><i></i><i></i></div>
<div class="ll-parts-key"><span>reconstruction {share:.0%}</span><span>KL {1 - share:.0%}</span></div>"""


def importance(run: Run, found: Result | None) -> None:
    """The importance-weighted bound: what to measure, how far it is, and the curve over k."""
    controls = _controls(5)
    k = int(_segments(controls[0], run, "Samples k", link.SAMPLES, ("50", "500", "5000"), "500"))
    num = _segments(controls[1], run, "Test images", link.NUM_IMAGES, ("100", "1000", "all"), "100")
    proposal = _segments(controls[2], run, "Proposal", link.PROPOSAL, ("posterior", "mixture"), "posterior")
    seed = _seed(controls[3], run)
    wanted = None if num == "all" or int(num) >= run.info.num_test else int(num)

    def work(progress: Progress) -> None:
        from vae.evaluation.importance import importance_bound

        step = run.status().step
        made = importance_bound(
            models.model(run, "best"),
            datasets.dataset(run),
            k=k,
            num_images=wanted,
            seed=seed,
            proposal=proposal,  # type: ignore[arg-type]
            progress=progress,
        )
        _keep(run, saved_bounds.of_importance(made, step))

    kind = "importance" if proposal == "posterior" else "mixture"
    key = f"bound:{run.path}:{kind}:{k}:{num}:{seed}"
    num_images = run.info.num_test if wanted is None else wanted
    _button(controls[4], run, key, work, "Measure the bound", "measure-bound")
    _shown(run, key, (kind, run.status().step, num_images, seed, k, 0), found, IMPORTANCE)


def annealing(run: Run) -> None:
    """Annealed importance sampling on a subset, beside the importance-weighted bound of the same images."""
    from vae.evaluation.ais import NUM_CHAINS, why_not_annealed

    controls = _controls(4)
    num = int(_segments(controls[0], run, "Test images", link.ANNEALED, ("10", "50", "100"), "10"))
    steps = int(_segments(controls[1], run, "Distributions", link.STEPS, ("100", "500", "2000"), "500"))
    seed = session.read(keys.SEED, 0)
    num = min(num, run.info.num_test)

    def work(progress: Progress) -> None:
        from vae.evaluation.ais import annealed
        from vae.evaluation.importance import NUM_SAMPLES, importance_bound

        step = run.status().step
        model, dataset = models.model(run, "best"), datasets.dataset(run)
        made = annealed(model, dataset, num_images=num, num_steps=steps, seed=seed, progress=progress)
        _keep(run, saved_bounds.of_annealing(made, step))
        asked = ("importance", step, num, seed, NUM_SAMPLES, 0)
        if all(one.asked != asked for one in kept(run).bounds):
            other = importance_bound(
                model,
                dataset,
                k=NUM_SAMPLES,
                num_images=num,
                seed=seed,
                progress=lambda _done, _total: progress(num, num),
            )
            _keep(run, saved_bounds.of_importance(other, step))

    key = f"bound:{run.path}:annealed:{steps}:{num}:{seed}"
    why = why_not_annealed(run.config.model)
    _button(controls[3], run, key, work, "Measure by annealing", "measure-annealed", why)
    asked = ("annealed", run.status().step, num, seed, NUM_CHAINS, steps)
    _shown(run, key, asked, None, ("annealed",))


def _same_images(run: Run, annealed: Bound) -> Bound | None:
    """The importance-weighted bound of the images that were annealed, with the most samples."""
    found = [
        one
        for one in kept(run).bounds
        if one.kind in IMPORTANCE
        and (one.step, one.num_images, one.seed) == (annealed.step, annealed.num_images, annealed.seed)
    ]
    return max(found, key=lambda one: one.k, default=None)


def _keep(run: Run, bound: Bound) -> None:
    saved_bounds.keep(run, test_metrics.folder(run), bound=bound)


def _controls(num: int) -> list[DeltaGenerator]:
    """Places for what is to be measured; a class that is shown the results does not need them."""
    if session.presenting():
        return [st.empty() for _ in range(num)]
    widths = [5, 5, 4, 5] if num == 4 else [5, 5, 5, 4, 5]
    return list(st.columns(widths, gap="small", vertical_alignment="bottom"))


def _segments(
    place: DeltaGenerator,
    run: Run,
    title: str,
    key: keys.Key[str],
    options: tuple[str, ...],
    otherwise: str,
) -> str:
    value = session.read(key, otherwise)
    if session.presenting():
        return value
    widget = f"evaluate-{key.name}:{run.id}"
    session.seat(key, widget, value)
    picked = place.segmented_control(
        title, options, format_func=_option, required=True, help=_HELP.get(key.name), key=widget
    )
    session.write(key, str(picked or otherwise))
    return str(picked or otherwise)


def _option(option: str) -> str:
    words = {"all": "All", "posterior": "q(z|x)", "mixture": "mixture"}
    return words[option] if option in words else f"{int(option):,}"


def _seed(place: DeltaGenerator, run: Run) -> int:
    value = session.read(keys.SEED, 0)
    if session.presenting():
        return value
    widget = f"evaluate-seed:{run.id}"
    session.seat(keys.SEED, widget, value)
    seed = int(place.number_input("Seed", 0, 2**31 - 1, step=1, key=widget))
    session.keep(keys.SEED, seed or None)
    return seed


def _button(
    place: DeltaGenerator,
    run: Run,
    key: str,
    work: Callable[[Progress], None],
    title: str,
    name: str,
    why_never: str = "",
) -> None:
    if session.presenting():
        return
    why, job = why_never or test_metrics.why_not(run), background.get(key)
    is_open = job is not None and job.is_open
    if place.button(
        title,
        icon=":material/play_arrow:",
        disabled=bool(why) or is_open,
        help=plain(why) if why else "Runs in the background. The result is saved with the run.",
        width="stretch",
        key=f"{name}:{key}",
    ):
        background.start(key, work)
        st.rerun()


def _shown(
    run: Run,
    key: str,
    asked: tuple[str, int, int, int, int, int],
    found: Result | None,
    kinds: tuple[str, ...],
) -> None:
    """How far the measurement is; what was asked for if it is there, else the newest of its kinds."""
    job = background.get(key)
    if job is not None and job.is_open:
        session.begin_watch(key)
        follow(key)
    elif job is not None and job.state == "failed":
        st.error(plain(job.error), icon=":material/block:")
    bounds = [one for one in kept(run).bounds if one.kind in kinds]
    exact = [one for one in bounds if one.asked == asked]
    if not bounds:
        if job is None or not job.is_open:
            st.caption("Not measured yet.")
        return
    bound = exact[0] if exact else bounds[-1]
    if not exact and (job is None or not job.is_open):
        st.caption("Not measured with these settings yet. Showing this run's latest result.")
    _figures(run, bound)
    if bound.curve:
        _curve(run, bound, found)


def _figures(run: Run, bound: Bound) -> None:
    columns = st.columns(4)
    annealed = bound.kind == "annealed"
    value = f"{-bound.log_prob:.2f} {plus_minus(bound.standard_error, 2)}"
    if annealed:
        columns[0].metric("−log p(x) by annealing, nats", value)
        other = _same_images(run, bound)
        columns[1].metric(
            "Importance-weighted" if other is None else f"Importance-weighted, k = {other.k:,}",
            "–" if other is None else f"{-other.log_prob:.2f} {plus_minus(other.standard_error, 2)}",
            help="For the same images and weights, so the two are comparable: most of the ± comes from the choice "
            "of images and is common to both.",
        )
        columns[2].metric(
            "Effective chains, median",
            f"{bound.effective_median:,.1f} of {bound.k:,}",
            help="(Σw)² / Σw² of an image's weights: how many of its chains really count.",
        )
        columns[3].metric("Accepted moves", f"{bound.accepted:.0%}")
    else:
        columns[0].metric(f"Bound on −log p(x), k = {bound.k:,}", value)
        columns[1].metric(
            "Effective samples, median",
            f"{bound.effective_median:,.1f} of {bound.k:,}",
            help="(Σw)² / Σw² of an image's weights: how many of its samples really count.",
        )
        columns[2].metric("Effective samples, minimum", f"{bound.effective_min:,.1f}")
        columns[3].metric("Test images", f"{bound.num_images:,}")
    for sentence in bound.warnings:
        st.warning(plain(f"{sentence[0].upper()}{sentence[1:]}."), icon=":material/warning:")
    more = "distributions" if annealed else "samples"
    now = run.status().step
    later = f" The run has been trained further since, to step {now:,}." if bound.step != now else ""
    how = (
        f"{bound.num_steps:,} distributions, {bound.k} chains per image"
        if annealed
        else f"k = {bound.k:,} samples from {_FROM[bound.kind]}"
    )
    st.caption(
        plain(
            f"{_words(run)}; N = {bound.num_images:,}, {how}, seed {bound.seed}; ± one standard error over the images."
        )
    )
    st.caption(
        f"An upper bound on −log p(x); more {more} make it tighter. Measured at step {bound.step:,}.{later}"
    )


def _curve(run: Run, bound: Bound, found: Result | None) -> None:
    """The bound over k, from the ELBO at k = 1 upwards."""
    points = bound.curve
    series = [
        Series(
            "Bound on −log p(x)",
            [one.k for one in points],
            [-one.log_prob for one in points],
            [one.standard_error for one in points],
        )
    ]
    if found is not None and bound.num_images == found.num_images:
        ends = [points[0].k, points[-1].k]
        series.append(Series("−ELBO", ends, [-found.best.elbo] * 2, colour="distortion", dashed=True))
    if len(points) > 1:
        chart(
            series,
            x="samples k",
            y="bound on −log p(x), nats",
            log=True,
            name=f"{run.id}-importance-bound",
            key=f"importance-curve:{run.id}",
        )


@st.fragment
def until_measured(run: Run) -> None:
    """Draw the page anew when the test figures are there, or cannot be."""
    rerun_when_changed(topics.jobs.drawn(), pause=0.7, key="figures")
    job = test_metrics.job(run)
    if session.is_watched("figures") and (job is None or not job.is_open):
        st.rerun()
