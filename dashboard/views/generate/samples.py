"""Samples from the prior, the aggregate posterior and a truncated prior, and how these differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.cache import image_sheets, latents, models
from dashboard.components.facts import tell_lesson
from dashboard.link import keys
from dashboard.look.markdown import plain
from dashboard.shell import stage
from dashboard.shell.time_machine import Weights
from dashboard.views.generate import controls, link, parts
from dashboard.views.generate import images as generated
from dashboard.views.generate.follow_time import Sheet
from dashboard.views.generate.parts import Following
from vae.config.registries import PRIORS, STANDARD_NORMAL
from vae.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from vae.latent.aggregate_posterior import PriorGap
    from vae.latent.generation import Mixture
    from vae.runtime.mean_of import MeanOf

#: Where z comes from, and what that is called.
SOURCES = {"prior": "Prior", "mixture": "Aggregate posterior", "truncated": "Truncated prior"}
#: What is in the window beside the samples, CSS pixels: the head, the card's title, caption, buttons, the line of the
#: weights and the foot.
AROUND = 290
#: Grey points behind those that were drawn, at most.
CLOUD = 1500


def samples(run: Run, weights: Weights) -> Following:
    """New images from the prior, of one class where the model takes one."""
    from vae.latent.embedding import prior_samples

    conditional = run.config.model.conditional
    left, picture = stage.columns(1, 3)
    with left:
        settings = stage.card("settings")
    label = None
    if conditional:
        with settings:
            label = controls.pick_class(run, "Class", keys.label(run.info.num_classes), 0)
    num = controls.slider(settings, run, "Images", link.NUM, 36, 1, 100, 1, "How many images to sample.")
    temperature = controls.temperature(settings, run)
    seed = controls.seed(settings, settings, run)
    if not conditional:
        settings.caption(
            "This model is unconditional, so no class can be chosen. To train a conditional one, switch on "
            "Conditional on the Train page."
        )
    generated.check_size(run, num)
    model = models.model(run, weights.at)
    z, drawn = prior_samples(model, num, seed=seed, label=label, temperature=temperature)
    images, side = drawn.numpy(), math.ceil(math.sqrt(num))
    what = "1 image" if num == 1 else f"{num} images"
    if label is not None:
        what += f" of class {run.info.class_names[label]}"
    with picture, stage.card("samples", "Samples"):
        lines = [images[start : start + side] for start in range(0, num, side)]
        with st.container(key="generate-grid"):
            st.html(generated.gallery(lines, alt="Samples", name="samples", around=AROUND))
        st.caption(f"{plain(what)}: the mean of p(x|z), seed {seed}")
        parts.downloads(
            f"{run.id}-seed-{seed}",
            weights,
            image_sheets.sheet(images, side, gap=generated.GAP),
            lambda: generated.archive(images, z.numpy(), [parts.facts(run, seed, label)] * num),
        )
    conditions = None if label is None else [{label: 1.0}]
    return Following([Sheet(generated.images_of("samples"), z.tolist(), conditions)])


def compare(run: Run, weights: Weights) -> Following:
    """Samples from the prior, from a mixture fitted to the aggregate posterior, and from the truncated prior."""
    from vae.latent.embedding import prior_draws
    from vae.latent.generation import truncate
    from vae.models.batches import decoded

    is_standard = run.config.model.prior == STANDARD_NORMAL
    sources = {name: title for name, title in SOURCES.items() if is_standard or name != "truncated"}
    with stage.card("settings"):
        places = controls.places(5)
    side = controls.slider(places[0], run, "Rows", link.ROWS, 5, 1, 10, 1, "Rows and columns of each sheet.")
    limit = 1.0
    if is_standard:
        limit = controls.slider(
            places[1],
            run,
            "Truncation",
            link.LIMIT,
            1.0,
            0.1,
            4.0,
            0.1,
            "No coordinate of z is larger than this.",
        )
    else:
        places[1].caption("Truncation: for the standard normal prior only.")
    wanted = controls.components(places[2], run)
    seed = controls.seed(places[3], places[4], run)
    generated.check_size(run, len(sources) * side * side)
    place = parts.weights_line()  # below the sheets it would be out of sight
    num, of = side * side, "N(0, I)" if is_standard else PRIORS.title(run.config.model.prior)
    model = models.model(run, weights.at)
    prior = prior_draws(model.prior, num, seed=seed)
    drawn: dict[str, Tensor] = {"prior": prior}
    if is_standard:
        drawn["truncated"] = truncate(prior, limit)
    made: dict[str, NDArray[Any]] = {}
    columns = {}
    for column, (name, title) in zip(stage.columns(*[1] * len(sources)), sources.items(), strict=True):
        with column:
            columns[name] = stage.card(name, title, fill=True)

    def show(name: str, words: str) -> None:
        made[name] = decoded(model, drawn[name]).numpy()
        with columns[name]:
            table = made[name].reshape(side, side, *made[name].shape[1:])
            st.html(generated.gallery(table, alt=SOURCES[name], largest=parts.largest(112), name=name))
            st.caption(plain(words))

    show(
        "prior",
        f"z ~ {of}. Blurred or meaningless images come from holes: regions of the prior where the encoder places "
        "no data.",
    )
    if is_standard:
        show(
            "truncated",
            f"z from the prior, cut off at ±{limit:g} in every coordinate. Rare styles are left out, so images are "
            "more typical and more alike.",
        )
    # A fit takes a while: what needs none is there before it.
    with (
        columns["mixture"],
        st.spinner("Fitting a mixture of Gaussians to the posteriors of the test images…"),
    ):
        mixture, gap = latents.mixture(run, weights.at, wanted)
    drawn["mixture"] = mixture.sample(num, seed=seed).float()
    show(
        "mixture",
        f"z from a mixture of {_gaussians(mixture.num_components)} fitted to the posteriors of the test images. It "
        "avoids the holes, so fewer images fail.",
    )
    pictures = [(name, drawn[name], made[name]) for name in sources]
    with stage.card("gap", "How far prior and aggregate posterior lie apart"):
        _draw_gap(gap, mixture)
    with stage.card("places"):
        _draw_places(run, weights, {SOURCES[name]: z for name, z, _ in pictures})
    everything = np.concatenate([images for *_, images in pictures])
    points = np.concatenate([z.numpy() for _, z, _ in pictures])
    facts = [{"seed": seed, "source": name} for name, *_ in pictures for _ in range(num)]
    several = len(sources)
    beside = everything.reshape(several, side, side, *everything.shape[1:]).swapaxes(0, 1)
    parts.downloads(
        f"{run.id}-compare-seed-{seed}",
        weights,
        image_sheets.sheet(beside.reshape(everything.shape), several * side, gap=2),
        lambda: generated.archive(everything, points, facts),
    )
    return Following(
        [Sheet(generated.images_of(name), drawn[name].tolist()) for name in sources if name != "mixture"],
        "The mixture, its metrics and the plots of z update when you release the scrubber.",
        place,
    )


def _draw_gap(gap: PriorGap, mixture: Mixture) -> None:
    """Both divergences, what they mean, and how far the fitted mixture is off."""
    first, second, _ = st.columns(3, gap="small")
    first.metric("KL(prior ‖ aggregate posterior), nats", _estimate(gap.prior_to_aggregate))
    second.metric("KL(aggregate posterior ‖ prior), nats", _estimate(gap.aggregate_to_prior))
    tell_lesson("prior-gap", prior_gap=gap.prior_to_aggregate.mean)
    caution = (
        " These posteriors hardly overlap, so both numbers are upper bounds; more images would lower them."
        if gap.saturated
        else ""
    )
    assert gap.misfit is not None, "it was asked for"
    st.caption(
        f"Left: prior mass outside the data (holes). Right: data outside the prior. 0 means they agree.{caution}",
        help=f"Both are of the aggregate posterior itself, the mean of {gap.num_images:,} test images' posteriors; ± "
        "is the standard error over samples. The right one is also large where the data are denser than the prior.",
    )
    st.caption(
        f"The fitted mixture misses the aggregate posterior by KL {_estimate(gap.misfit)} nats.",
        help=plain(
            f"It has full covariances and was fitted to one sample of the posterior of each of {mixture.num_points:,} "
            f"test images; {_bic_words(mixture.bic)}"
        ),
    )


def _draw_places(run: Run, weights: Weights, drawn: dict[str, Tensor]) -> None:
    """Where the points of each picture lie among the posteriors of the test images."""
    import torch

    from vae.latent.generation import posterior_draws

    plane = latents.plane(run, weights.at)
    everything = plane.project(posterior_draws(latents.embedding(run, weights.at, "test")).float())
    cloud = everything[:: -(-len(everything) // CLOUD)]
    is_standard = run.config.model.prior == STANDARD_NORMAL
    centre = plane.project(torch.zeros(1, run.config.model.latent_dim))[0].tolist() if is_standard else None
    flat = run.config.model.latent_dim <= 2
    seen = "the latent space" if flat else f"the plane of largest variance ({plane.explained:.0%} of it)"
    st.markdown(f"**Where these z lie** in {seen}")
    for column, (title, z) in zip(st.columns(len(drawn), gap="small"), drawn.items(), strict=True):
        column.html(
            generated.places(
                cloud.numpy(), plane.project(z).numpy(), centre=centre, alt=f"{title}: where its z lie"
            )
        )
    st.caption(
        "Grey: posteriors of the test images; empty places inside the ring are holes. Dots: the z of the images above. "
        "Ring: two standard deviations of the prior."
        if is_standard
        else "Grey: posteriors of the test images. Dots: the z of the images above.",
        help=f"One sample of the posterior of each of {len(cloud):,} of the {len(everything):,} test images. What lies "
        "beyond ±4 is not shown.",
    )


def _bic_words(bic: dict[int, float]) -> str:
    if len(bic) == 1:
        return f"its number of components, {next(iter(bic))}, is your choice."
    best, more = min(bic, key=bic.__getitem__), [size for size in controls.SIZES if size > max(bic)]
    words = (
        f"of {', '.join(map(str, bic))} components, {best} {'has' if best == 1 else 'have'} the lowest BIC"
    )
    return words + (f"; {', '.join(map(str, more))} can be chosen, but are not tried." if more else ".")


def _estimate(of: MeanOf) -> str:
    """Two decimals, without a minus before what they round to nothing."""
    return f"{round(of.mean, 2) + 0.0:.2f} ± {of.standard_error:.2f}"


def _gaussians(num: int) -> str:
    return "one Gaussian" if num == 1 else f"{num} Gaussians"
