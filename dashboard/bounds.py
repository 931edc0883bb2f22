"""The Evaluate page on log p(x): the ELBO and its parts, and the bounds that are measured beside the page and kept."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st

from dashboard import keys, measured, model_cache, state
from dashboard.background import Progress, background
from dashboard.components.chart import Series, chart
from dashboard.plain import plain
from vae import measurements
from vae.diagnostics import ACTIVE_THRESHOLD
from vae.errors import UserError
from vae.files import disk_sentence
from vae.measurements import Bound, Measurements
from vae.results import Result
from vae.runs import Run
from vae.yardstick import Yardstick


def kept(run: Run) -> Measurements:
    """The costly figures that are there; those of this machine before those that came with the run."""
    place = measured.folder(run)
    here = measurements.kept(run, place)
    return here if here != Measurements() or place is None else measurements.kept(run)


def elbo(run: Run) -> Result | None:
    """Draw the ELBO and its parts; begin to measure them if they are not there."""
    found, why = measured.kept(run), measured.why_not(run)
    if found is None:
        job = measured.job(run)
        if why:
            st.info(plain(f"The test figures cannot be measured: {why}"))
        elif job is not None and job.state == "failed":
            st.error(plain(f"The test figures could not be measured: {job.error}"))
        else:
            measured.start(run)
            st.caption("Measuring the test figures…")
        return None
    columns = st.columns(5)
    columns[0].metric("−ELBO", f"{-found.elbo:.2f} ± {found.standard_error:.2f}")
    columns[1].metric("Distortion (reconstruction)", f"{found.distortion:.2f}")
    columns[2].metric("Rate (KL)", f"{found.rate:.2f}")
    columns[3].metric("Active units", f"{found.active_units} of {len(found.rate_per_dim)}")
    columns[4].metric("Test images", f"{found.num_images:,}")
    st.html(_parts(found))
    st.caption(
        plain(
            f"{_words(run)}; N = {found.num_images:,}, one sample of z for each (seed {run.config.train.seed}), β = 1 "
            f"whatever the training β was; ± one standard error over the images. Active: variance of the posterior "
            f"mean over these images above {ACTIVE_THRESHOLD:g}. Measured at step {found.step:,}."
        )
    )
    return found


def _words(run: Run) -> str:
    words = Yardstick.of(run).words
    return f"Nats per example, best weights; {words}"


def _parts(found: Result) -> str:
    """Distortion and rate as the parts of −ELBO, as HTML; nothing where a density makes one of them negative."""
    if found.distortion <= 0 or found.rate < 0:
        return ""
    share = found.distortion / (found.distortion + found.rate)
    words = f"−ELBO is distortion {found.distortion:.2f} and rate {found.rate:.2f}"
    return f"""<style>
.ll-parts {{ border-radius: 4px; display: flex; gap: 2px; height: 0.75rem; overflow: hidden; }}
.ll-parts i:first-child {{ background: #2f83c4; flex: {share:.4f}; }}
.ll-parts i:last-child {{ background: #cf6a12; flex: {1 - share:.4f}; }}
.ll-parts-key {{ display: flex; font-size: 0.8125rem; justify-content: space-between; margin-top: 2px; }}
</style><div class="ll-parts" role="img" aria-label="{html.escape(words)}"><i></i><i></i></div>
<div class="ll-parts-key"><span>distortion {share:.0%}</span><span>rate {1 - share:.0%}</span></div>"""


def importance(run: Run, found: Result | None) -> None:
    """The importance-weighted bound: what to measure, how far it is, and the curve over k."""
    controls = st.columns([3, 3, 2, 3], gap="medium", vertical_alignment="bottom")
    k = int(_segments(controls[0], run, "Samples k", keys.SAMPLES, ("50", "500", "5000"), "500"))
    num = _segments(controls[1], run, "Test images", keys.NUM_IMAGES, ("100", "1000", "all"), "100")
    seed = _seed(controls[2], run)
    wanted = None if num == "all" or int(num) >= run.info.num_test else int(num)

    def work(progress: Progress) -> None:
        from vae.importance import importance_bound

        step = run.status().step
        made = importance_bound(
            model_cache.model(run, "best"),
            model_cache.dataset(run),
            k=k,
            num_images=wanted,
            seed=seed,
            progress=progress,
        )
        _keep(run, measurements.of_importance(made, step))

    key = f"bound:{run.path}:importance:{k}:{num}:{seed}"
    num_images = run.info.num_test if wanted is None else wanted
    _button(controls[3], run, key, work, "Measure the bound")
    asked = ("importance", run.status().step, num_images, seed, k, 0)
    _shown(run, key, asked, found, "importance")


def annealing(run: Run) -> None:
    """Annealed importance sampling on a subset."""
    controls = st.columns([3, 3, 2, 3], gap="medium", vertical_alignment="bottom")
    num = int(_segments(controls[0], run, "Test images", keys.ANNEALED, ("10", "50", "100"), "10"))
    steps = int(_segments(controls[1], run, "Distributions", keys.STEPS, ("100", "500", "2000"), "500"))
    seed = state.read(keys.SEED, 0)
    num = min(num, run.info.num_test)

    def work(progress: Progress) -> None:
        from vae.annealed import annealed

        step = run.status().step
        made = annealed(
            model_cache.model(run, "best"),
            model_cache.dataset(run),
            num_images=num,
            num_steps=steps,
            seed=seed,
            progress=progress,
        )
        _keep(run, measurements.of_annealing(made, step))

    key = f"bound:{run.path}:annealed:{steps}:{num}:{seed}"
    _button(controls[3], run, key, work, "Measure by annealing")
    from vae.annealed import NUM_CHAINS

    _shown(run, key, ("annealed", run.status().step, num, seed, NUM_CHAINS, steps), None, "annealed")


def _keep(run: Run, bound: Bound) -> None:
    try:
        measurements.keep(run, measured.folder(run), bound=bound)
    except OSError as error:
        raise UserError(disk_sentence(error)) from error


def _segments(
    place: st.delta_generator.DeltaGenerator,
    run: Run,
    title: str,
    key: keys.Key[str],
    options: tuple[str, ...],
    otherwise: str,
) -> str:
    widget = f"evaluate-{key.name}:{run.id}"
    state.seat(key, widget, state.read(key, otherwise))
    words = {option: option if option == "all" else f"{int(option):,}" for option in options}
    words["all"] = "All"
    picked = place.segmented_control(title, options, format_func=words.__getitem__, required=True, key=widget)
    state.write(key, str(picked or otherwise))
    return str(picked or otherwise)


def _seed(place: st.delta_generator.DeltaGenerator, run: Run) -> int:
    widget = f"evaluate-seed:{run.id}"
    state.seat(keys.SEED, widget, state.read(keys.SEED, 0))
    seed = int(place.number_input("Seed", 0, 2**31 - 1, step=1, key=widget))
    state.keep(keys.SEED, seed or None)
    return seed


def _button(
    place: st.delta_generator.DeltaGenerator,
    run: Run,
    key: str,
    work: Callable[[Progress], None],
    title: str,
) -> None:
    why, job = measured.why_not(run), background.get(key)
    is_open = job is not None and job.is_open
    if place.button(
        title,
        icon=":material/play_arrow:",
        disabled=bool(why) or is_open,
        help=plain(why) if why else "Beside this page; the result is kept in the run.",
        width="stretch",
        key=f"{key}:start",
    ):
        background.start(key, work)
        st.rerun()


def _shown(
    run: Run, key: str, asked: tuple[str, int, int, int, int, int], found: Result | None, kind: str
) -> None:
    """How far the measurement is; what was asked for if it is there, else the newest of its kind."""
    job = background.get(key)
    if job is not None and job.is_open:
        state.begin_watch(key)
        progress(key)
    elif job is not None and job.state == "failed":
        st.error(plain(job.error), icon=":material/block:")
    bounds = [one for one in kept(run).bounds if one.kind == kind]
    exact = [one for one in bounds if one.asked == asked]
    if not bounds:
        if job is None or not job.is_open:
            st.caption("Not measured yet.")
        return
    bound = exact[0] if exact else bounds[-1]
    if not exact and (job is None or not job.is_open):
        st.caption("With these settings it has not been measured; the newest of this run is shown.")
    _figures(run, bound)
    if bound.curve:
        _curve(run, bound, found)


def _figures(run: Run, bound: Bound) -> None:
    columns = st.columns([2, 2, 2, 2])
    annealed = bound.kind == "annealed"
    columns[0].metric(
        "−log p(x), annealed" if annealed else f"−log p(x), at most; k = {bound.k:,}",
        f"{-bound.log_prob:.2f} ± {bound.standard_error:.2f}",
    )
    columns[1].metric(
        "Effective sample size, median",
        f"{bound.effective_median:,.1f} of {bound.k:,}",
        help="(Σw)² / Σw² of an image's weights: how many of its samples really count.",
    )
    columns[2].metric("… smallest", f"{bound.effective_min:,.1f}")
    if annealed:
        columns[3].metric("Accepted transitions", f"{bound.accepted:.0%}")
    else:
        columns[3].metric("Test images", f"{bound.num_images:,}")
    for sentence in bound.warnings:
        st.warning(plain(f"{sentence[0].upper()}{sentence[1:]}."), icon=":material/warning:")
    now = run.status().step
    later = f" The run has been trained on since, to step {now:,}." if bound.step != now else ""
    how = (
        f"{bound.num_steps:,} distributions, {bound.k} chains for each image"
        if annealed
        else f"k = {bound.k:,}"
    )
    st.caption(
        plain(
            f"{_words(run)}; N = {bound.num_images:,}, {how}, seed {bound.seed}; ± one standard error over the images. "
            f"A lower bound on log p(x) on average. Measured at step {bound.step:,}.{later}"
        )
    )


def _curve(run: Run, bound: Bound, found: Result | None) -> None:
    """The bound over k, from the ELBO at k = 1 upwards."""
    points = bound.curve
    series = [
        Series(
            "−log p(x), at most",
            [one.k for one in points],
            [-one.log_prob for one in points],
            [one.standard_error for one in points],
        )
    ]
    if found is not None and bound.num_images == found.num_images:
        ends = [points[0].k, points[-1].k]
        series.append(Series("−ELBO", ends, [-found.elbo] * 2, colour="distortion", dashed=True))
    if len(points) > 1:
        chart(
            series,
            x="samples k",
            y="nats",
            log=True,
            key=f"importance-curve:{run.id}",
        )


@st.fragment(run_every=0.7)
def progress(key: str) -> None:
    """A bar that follows a measurement, and the way to call it off; the page is drawn anew when it ends."""
    job, by_itself = background.get(key), state.is_watched(key)
    if job is None or not job.is_open:
        if by_itself:
            st.rerun()
        return
    left, right = st.columns([6, 1], vertical_alignment="center")
    words = (
        "Waiting for another measurement…"
        if job.state == "waiting"
        else f"{job.done:,} of {job.total:,}"
        if job.total
        else "Getting ready…"
    )
    left.progress(job.share, words)
    if right.button("Cancel", key=f"{key}:cancel", width="stretch"):
        background.cancel(key)
        st.rerun()


@st.fragment(run_every=0.7)
def until_measured(run: Run) -> None:
    """Draw the page anew when the test figures are there, or cannot be."""
    job = measured.job(run)
    if state.is_watched("figures") and (job is None or not job.is_open):
        st.rerun()
