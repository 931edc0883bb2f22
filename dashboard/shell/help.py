"""Help: what a page is for, its keys, and the words that all pages use, in a dialog beside the page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Guide:
    """What somebody who opens a page for the first time wants to know.

    Attributes:
        steps: What to do there, in the order in which one would, as Markdown.
        keys: What a key does, by key; of what has the focus.
    """

    steps: tuple[str, ...]
    keys: tuple[tuple[str, str], ...] = ()


_TIME_KEYS = (
    ("← →, Page ↑ ↓, Home, End", "on the time machine: one step, ten steps, the start, the newest weights"),
    ("Space", "on the time machine: play, pause"),
)
_GUIDES = {
    "train": Guide(
        (
            "Pick data and settings, press **Train**. It trains in a process of its own: close the page, it goes on.",
            "Watch **reconstruction** and **KL** go against each other, and images appear from noise.",
            "Move **β** while it trains: raised, the KL falls and images blur; lowered, they come back. Each move is "
            "marked on the curves.",
            "**Pause** and **Step** look at one step at a time; the time machine at the foot goes back to any moment.",
        ),
        _TIME_KEYS,
    ),
    "explore": Guide(
        (
            "**Drag a slider**: the image follows. The dimension with the largest KL stands first; one that says "
            "nothing is grey and last.",
            "Start from a **test image**, **draw** a digit or drop a **picture**: the sliders move to its posterior, "
            "the band is its σ.",
            "**Path**: add two or more stops, play the way between them; few neighbours along it mean empty space.",
            "**Arithmetic**: the mean of a group minus the mean of another, added to a point.",
        ),
        (
            ("← →, with Shift ten times as far", "on a slider: move"),
            ("1 … 5", "on a slider: to a picture of its strip"),
            ("Delete, or double click", "on a slider: to 0"),
            ("0", "all sliders to 0"),
            ("R", "a random point from the prior"),
            *_TIME_KEYS,
        ),
    ),
    "map": Guide(
        (
            "Each point is an image, where the mean of its posterior lies. **Hover** to decode any spot, also between "
            "points.",
            "**Click** to pin an image with its nearest neighbours; Explore then starts from it.",
            "**Colour** by class, by reconstruction, by KL or by σ; click the legend to hide a class.",
            "**Lasso** a group for its statistics, its mean image and an export.",
            "**Layers**: posteriors as ellipses, the prior's contours, density, the decoded plane, the images.",
        ),
        (
            ("← → ↑ ↓", "to the next point on that side"),
            ("+ − 0", "zoom in, out, all"),
            ("Shift and drag", "lasso"),
            ("Esc", "drop the selection, then the pinned image"),
            *_TIME_KEYS,
        ),
    ),
    "generate": Guide(
        (
            "**Samples**: z from the prior, decoded; lower the temperature for typical images, raise it for odd ones.",
            "**Priors side by side**: where prior and aggregate posterior differ the model decodes points that it has "
            "never seen.",
            "With a conditional run: **style × class** decodes the same z as every class, **transfer** does so with an "
            "image of yours, **mix** goes from one class to another.",
            "**Label leak**: how well a linear classifier reads the class off z. A good conditional model leaves it at "
            "chance.",
        ),
    ),
    "collapse": Guide(
        (
            "Read the **verdict**: what became of the latent space, the numbers that say so, and what to try. A run "
            "that has only begun, or whose β is still rising, is **still learning**, and no fault is found in it yet.",
            "**Rate per dimension** over time shows when a dimension fell silent; **permuting z** shows whether the "
            "decoder listens.",
            "**Recipes** make each kind of collapse in under a minute. Press a **cure**: the same seed again with one "
            "thing changed, and both side by side.",
            "**Units** answers what your β is where your code takes a mean.",
        ),
    ),
    "evaluate": Guide(
        (
            "The **ELBO** is a lower bound on log p(x), and the gap is KL(q(z|x) ‖ p(z|x)). More samples of the "
            "importance-weighted bound come closer.",
            "Look at the **effective sample size**: near 1, a single sample carries an image's figure.",
            "**Annealed importance sampling** does not ask the encoder, and so checks it.",
            "With one or two latent dimensions log p(x) and the **true posterior** are computed: q's ellipse lies over "
            "it, and the numbers add up, at any moment of training.",
        ),
        _TIME_KEYS,
    ),
    "compare": Guide(
        (
            "Pick runs: the settings in which they **differ** stand first.",
            "The same images and the same z go through each, and one scrubber moves all.",
            "**Rate–distortion plane**: one dot a run. A **sweep** trains a run for each β; the curve shows what a nat "
            "of rate buys.",
        ),
        (("← → ↑ ↓", "on an image: to the next one"),),
    ),
    "runs": Guide(
        (
            "A run is a folder: settings, curves, snapshots and weights. Select one to rename, export or delete it.",
            "**Import** a zip from somebody else: it is checked and holds no code.",
            "A run of `vae train`, `vae sweep` or `vae.watch` shows up while it trains.",
        ),
    ),
}
_WORDS = (
    (
        "Reconstruction (distortion)",
        "E[−log p(x|z)], nats: what it costs to describe the image, given z from its posterior.",
    ),
    ("KL (rate)", "KL(q(z|x) ‖ N(0, I)), nats: how much z says about the image."),
    ("ELBO", "−(reconstruction + KL): a lower bound on log p(x), always at β = 1 here."),
    ("β", "The weight of the KL in training: above 1 z says less, below 1 more."),
    (
        "Active unit",
        "A latent dimension whose posterior mean varies over the images, by more than 0.01; others are collapsed.",
    ),
    (
        "Still learning",
        "The objective still falls, or β has not come to its value: train on before you judge z. The verdict says how "
        "much longer, as an estimate from the curve.",
    ),
    (
        "Nothing to encode",
        "The images, or those of one class for a conditional model, differ by noise alone: then it is right that z "
        "says nothing.",
    ),
    (
        "Worse than no z",
        "Reconstruction and KL together cost more than the best single picture would: z is not worth what it costs.",
    ),
    (
        "Aggregate posterior",
        "All posteriors together: where the decoder was trained. The prior is where new images come from.",
    ),
    ("Nats per example", "Summed over pixels and latent dimensions, averaged over images."),
)


def offer(page: str, title: str) -> None:
    """The way to the help of a page, for the sidebar."""
    if page in _GUIDES and st.sidebar.button(
        "Help",
        icon=":material/help:",
        width="stretch",
        key="help",
        help="What this page is for, its keys, the words.",
    ):
        st.dialog(title, width="medium", icon=":material/help:")(_draw)(_GUIDES[page])


def _draw(guide: Guide) -> None:
    st.markdown("\n".join(f"{number}. {step}" for number, step in enumerate(guide.steps, 1)))
    if guide.keys:
        st.markdown("**Keys**\n\n" + "\n".join(f"- **{key}** {does}" for key, does in guide.keys))
    st.markdown("**Words**\n\n" + "\n".join(f"- **{word}** {means}" for word, means in _WORDS))
