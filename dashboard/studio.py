"""What the Generate page can show: one function for each of its modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import generated, latent_view, model_cache, sheets, state
from dashboard import studio_controls as controls
from dashboard.plain import plain
from vae.runs import Run

if TYPE_CHECKING:
    from torch import Tensor

#: Classes that are drawn side by side at most; a download has all.
MAX_COLUMNS = 100
#: Grey points behind those that were drawn, at most.
CLOUD = 1500
#: Images from one class to another.
MIX_STEPS = 9


def samples(run: Run) -> None:
    """New images from the prior, of one class where the model takes one."""
    from vae.latent import prior_samples

    conditional = run.config.model.conditional
    label = controls.pick_class(run, "Class", state.label(run.info.num_classes), 0) if conditional else None
    settings, picture = st.columns([1, 3], gap="large")
    num = controls.slider(settings, run, "Images", state.NUM, 36, 1, 100, 1, "How many to draw.")
    temperature = controls.temperature(settings, run)
    seed = controls.seed(settings, settings, run)
    if not conditional:
        settings.caption(
            "This model was trained without labels, so no class can be picked. Switch on Conditional in the form of "
            "the Train page to train one that takes them."
        )
    generated.check_size(run, num)
    sheet = generated.sheet(run, num=num, seed=seed, label=label, temperature=temperature)
    what = f"{num} images" + ("" if label is None else f" of class {run.info.class_names[label]}")

    def archive() -> bytes:
        model = model_cache.model(run, "best")
        z, images = prior_samples(model, num, seed=seed, label=label, temperature=temperature)
        return generated.archive(images.numpy(), z.numpy(), [_facts(run, seed, label)] * num)

    with picture:
        st.image(sheet.large, width=sheet.width, caption=f"{plain(what)}: the mean of p(x|z), seed {seed}")
        _downloads(f"{run.id}-seed-{seed}", sheet.exact, archive)


def styles(run: Run) -> None:
    """The same z under every class: a row is one style."""
    from vae.generation import every_class
    from vae.latent import prior_points

    names = run.info.class_names
    places = controls.places(4)
    num = controls.slider(places[0], run, "Styles", state.ROWS, 5, 1, 10, 1, "Rows: how many z to draw.")
    temperature = controls.temperature(places[1], run)
    seed = controls.seed(places[2], places[3], run)
    generated.check_size(run, num * len(names))
    z = prior_points(num, run.config.model.latent_dim, seed=seed, temperature=temperature)
    images = every_class(model_cache.model(run, "best"), z).numpy()
    st.html(
        generated.gallery(
            images[:, :MAX_COLUMNS],
            columns=names[:MAX_COLUMNS],
            rows=[f"z{_subscript(row + 1)}" for row in range(num)],
            alt="One style as every class",
            largest=_largest(112),
        )
    )
    _tell_cap(len(names))
    st.caption(f"A row is one z, so one style, under every class; seed {seed}. A column is one class.")
    flat = images.reshape(-1, *images.shape[2:])
    facts = [_facts(run, seed, label) for _ in range(num) for label in range(len(names))]
    _downloads(
        f"{run.id}-styles-seed-{seed}",
        sheets.sheet(flat, len(names), gap=2),
        lambda: generated.archive(flat, z.numpy().repeat(len(names), 0), facts),
    )


def transfer(run: Run) -> None:
    """One image's z, decoded under every class."""
    import torch

    from vae.generation import every_class

    names = run.info.class_names
    original: NDArray[Any] | None = None
    label: int | None = None
    number: int | None = None
    if controls.source(run, "image") == "point":
        z = torch.tensor([_point(run)])
        words = "The point that Explore shows, under every class."
    else:
        embedding = model_cache.embedding(run, "best", "test")
        originals = controls.originals(run, embedding)
        number = controls.pick_image(run, embedding, originals)
        z = embedding.mean[number : number + 1]
        assert embedding.labels is not None, "a conditional model has labels"
        label = int(embedding.labels[number])
        original = None if originals is None else originals([number])[0]
        words = (
            f"z is the posterior mean of test image {number}, given its own class, {names[label]}: under that class "
            "the decoder returns its reconstruction, under the others the same style."
        )
        if original is None:
            words += " The images of this run are not on this machine, so the original cannot be shown."
    generated.check_size(run, len(names))
    images = every_class(model_cache.model(run, "best"), z).numpy()
    shown = images[:, :MAX_COLUMNS]
    per_line = len(names) if len(names) <= 6 else -(-len(names) // 2) if len(names) <= 14 else 10
    left, right = st.columns([1, 5]) if original is not None else (st.container(), st.container())
    if original is not None:
        left.html(
            generated.gallery(
                original[None, None],
                columns=[f"original: {names[label or 0]}"],
                alt="Original",
                largest=_largest(168),
            )
        )
    for start in range(0, shown.shape[1], per_line):
        line = slice(start, start + per_line)
        own = None if label is None else label - start
        right.html(
            generated.gallery(
                shown[:, line],
                columns=names[:MAX_COLUMNS][line],
                alt="Re-rendered",
                own=own,
                fit=per_line,
                largest=_largest(140),
            )
        )
    _tell_cap(len(names))
    st.caption(plain(words))
    sheet = images[0] if original is None else np.concatenate([original[None], images[0]])
    facts = [{"image": "" if number is None else number, **_class(run, k)} for k in range(len(names))]
    _downloads(
        f"{run.id}-transfer-{'point' if number is None else number}",
        sheets.sheet(sheet, len(sheet), gap=2),
        lambda: generated.archive(images[0], z.numpy().repeat(len(names), 0), facts),
    )


def mix(run: Run) -> None:
    """One z from one class to another, in nine steps of the condition."""
    import torch

    from vae.generation import class_mix
    from vae.latent import prior_points

    names = run.info.class_names
    left, right = st.columns(2)
    with left:
        start = controls.pick_class(run, "From class", state.label(len(names)), 0)
    with right:
        end = controls.pick_class(run, "To class", state.target(len(names)), (start + 1) % len(names))
    if controls.source(run, "seed") == "point":
        seed: int | str = ""
        z = torch.tensor(_point(run))
        words = "z is the point that Explore shows."
    else:
        places = controls.places(4)
        temperature = controls.temperature(places[0], run)
        seed = controls.seed(places[1], places[2], run)
        z = prior_points(1, run.config.model.latent_dim, seed=seed, temperature=temperature)[0]
        words = f"z is drawn from the prior with seed {seed}."
    generated.check_size(run, MIX_STEPS)
    shares, images = class_mix(model_cache.model(run, "best"), z, start, end, MIX_STEPS)
    middle = [f"{share:.1%}".replace(".0%", "%") for share in shares[1:-1].tolist()]
    st.html(
        generated.gallery(
            images.numpy()[None],
            columns=[names[start], *middle, names[end]],
            alt=f"From {names[start]} to {names[end]}",
            largest=_largest(168),
        )
    )
    st.caption(
        plain(
            f"{words} The numbers are the share of {names[end]} in the condition. Training showed the model pure "
            "classes alone: what lies between is its own invention."
        )
    )
    facts = [
        {"seed": seed, "from": names[start], "to": names[end], "share": share} for share in shares.tolist()
    ]
    _downloads(
        f"{run.id}-mix-{start}-to-{end}",
        sheets.sheet(images.numpy(), MIX_STEPS, gap=2),
        lambda: generated.archive(images.numpy(), z.numpy()[None].repeat(MIX_STEPS, 0), facts),
    )


def compare(run: Run) -> None:
    """Samples from the prior, from a mixture fitted to the aggregate posterior, and from the truncated prior."""
    import torch

    from vae.generation import truncate
    from vae.latent import prior_points

    places = controls.places(5)
    side = controls.slider(
        places[0], run, "Rows", state.ROWS, 5, 1, 10, 1, "Each picture has so many rows and columns."
    )
    limit = controls.slider(
        places[1],
        run,
        "Truncation",
        state.LIMIT,
        1.0,
        0.1,
        4.0,
        0.1,
        "No coordinate of z is larger than this.",
    )
    wanted = controls.components(places[2], run)
    seed = controls.seed(places[3], places[4], run)
    generated.check_size(run, 3 * side * side)
    num, latent_dim = side * side, run.config.model.latent_dim
    model = model_cache.model(run, "best")
    with st.spinner("Fitting a mixture of Gaussians to the posteriors of the test images…"):
        mixture, gap = model_cache.mixture(run, "best", wanted)
    prior = prior_points(num, latent_dim, seed=seed)
    sources = {
        "prior": (
            "Prior",
            prior,
            "z ~ N(0, I). Where an image is blurred or like nothing at all, the prior has put z into a hole: a place "
            "that the encoder leaves empty.",
        ),
        "mixture": (
            "Aggregate posterior",
            mixture.sample(num, seed=seed).float(),
            f"z from a mixture of {mixture.num_components} Gaussians fitted to where the encoder puts the test images: "
            "it keeps out of the holes, so fewer images fail.",
        ),
        "truncated": (
            "Truncated prior",
            truncate(prior, limit),
            f"The prior's z with every coordinate drawn into ±{limit:g}: safer and more alike, because the rare styles "
            "are left out.",
        ),
    }
    parts = []
    for column, (name, (title, z, words)) in zip(st.columns(3, gap="small"), sources.items(), strict=True):
        with torch.no_grad():
            made = model.decode(z).numpy()
        with column:
            st.markdown(f"**{title}**")
            st.html(
                generated.gallery(made.reshape(side, side, *made.shape[1:]), alt=title, largest=_largest(112))
            )
            st.caption(plain(words))
        parts.append((name, z, made))
    first, second, _ = st.columns(3, gap="small")
    first.metric(
        "KL(prior ‖ mixture), nats", f"{gap.prior_to_mixture:.2f} ± {gap.prior_to_mixture_error:.2f}"
    )
    second.metric(
        "KL(mixture ‖ prior), nats", f"{gap.mixture_to_prior:.2f} ± {gap.mixture_to_prior_error:.2f}"
    )
    st.caption(
        plain(
            "Left, how much the prior covers that the mixture does not (holes); right, the other way round. Both are 0 "
            f"if they agree; estimates from {gap.num_draws:,} draws with their standard errors. The mixture has full "
            f"covariances and was fitted to one draw from the posterior of each of {mixture.num_points:,} test images; "
            + _bic_words(mixture.bic)
        )
    )
    _draw_places(run, {sources[name][0]: z for name, z, _ in parts})
    everything = np.concatenate([made for *_, made in parts])
    points = np.concatenate([z.numpy() for _, z, _ in parts])
    facts = [{"seed": seed, "source": name} for name, *_ in parts for _ in range(num)]
    beside = everything.reshape(3, side, side, *everything.shape[1:]).swapaxes(0, 1).reshape(everything.shape)
    _downloads(
        f"{run.id}-compare-seed-{seed}",
        sheets.sheet(beside, 3 * side, gap=2),
        lambda: generated.archive(everything, points, facts),
    )


def _draw_places(run: Run, drawn: dict[str, Tensor]) -> None:
    """Where the points of each picture lie among the posteriors of the test images."""
    import torch

    from vae.generation import posterior_draws

    plane = model_cache.plane(run, "best")
    everything = plane.project(posterior_draws(model_cache.embedding(run, "best", "test")).float())
    cloud = everything[:: -(-len(everything) // CLOUD)]
    centre = plane.project(torch.zeros(1, run.config.model.latent_dim))[0].tolist()
    flat = run.config.model.latent_dim <= 2
    seen = "the latent space" if flat else f"the plane of largest variance ({plane.explained:.0%} of it)"
    st.markdown(f"**Where these z lie**, in {seen}")
    for column, (title, z) in zip(st.columns(3, gap="small"), drawn.items(), strict=True):
        column.html(
            generated.places(
                cloud.numpy(), plane.project(z).numpy(), centre=centre, alt=f"{title}: where its z lie"
            )
        )
    st.caption(
        f"Grey: a draw from the posterior of each of {len(cloud):,} of the {len(everything):,} test images; "
        "empty places inside the ring are holes. Dots: the z of the pictures above. Ring: two standard deviations of "
        "the prior, around its mean. What lies beyond ±4 is outside the picture."
    )


def leak(run: Run) -> None:
    """How well the class can be read off z."""
    with st.spinner("Asking a linear classifier for the class of each test image, given z…"):
        found = model_cache.leak(run, "best")
    first, second, third = st.columns(3, gap="medium")
    first.metric(
        "Accuracy of predicting the class from z", f"{found.accuracy:.1%} ± {found.standard_error:.1%}"
    )
    second.metric("Chance level", f"{found.chance:.1%}")
    third.metric("Held-out test images", f"{found.num_held_out:,}")
    st.html(generated.scale(found.accuracy, found.chance))
    st.markdown(f"**{plain(found.verdict(conditional=run.config.model.conditional))}**")
    left_out = (
        f" {found.num_left_out:,} images of classes with one image alone were left out."
        if found.num_left_out
        else ""
    )
    st.caption(
        plain(
            f"Multinomial logistic regression on standardised posterior means, fitted to {found.num_fitted:,} test "
            f"images and tested on the other {found.num_held_out:,} of {found.num_classes} classes (halves drawn by "
            f"seed {found.seed}, each class alike), ± one standard error. Chance is to answer the most frequent class "
            f"always.{left_out}"
        )
    )


#: Title, who may have it, and what draws it.
MODES: dict[str, tuple[str, str, Callable[[Run], None]]] = {
    "samples": ("Samples", "any", samples),
    "styles": ("Style × class", "conditional", styles),
    "transfer": ("Style transfer", "conditional", transfer),
    "mix": ("Class mixing", "conditional", mix),
    "compare": ("Prior and posterior", "unconditional", compare),
    "leak": ("Label leak", "labelled", leak),
}


def offered(run: Run) -> list[str]:
    """The modes that a run can have."""
    has = {"any", "conditional" if run.config.model.conditional else "unconditional"}
    if run.info.num_classes:
        has.add("labelled")
    return [mode for mode, (_, need, _) in MODES.items() if need in has]


def _downloads(name: str, sheet: bytes, archive: Callable[[], bytes]) -> None:
    """The sheet as PNG, and each image with its z as a zip."""
    if state.presenting():
        return
    with st.container(horizontal=True):
        st.download_button(
            "Download PNG",
            sheet,
            file_name=f"{name}.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
            help="One pixel for each pixel of the model.",
        )
        st.download_button(
            "Download zip",
            archive,
            file_name=f"{name}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            help="A PNG for each image, and a table of their z.",
        )


def _point(run: Run) -> list[float]:
    """The point of Explore, which the link then carries too."""
    z = latent_view.point(run)
    state.write(state.point(run.config.model.latent_dim), z)
    return z


def _facts(run: Run, seed: int, label: int | None) -> dict[str, Any]:
    return {"seed": seed, **_class(run, label)}


def _class(run: Run, label: int | None) -> dict[str, Any]:
    return {} if label is None else {"label": label, "class": run.info.class_names[label]}


def _largest(side: int) -> int:
    return round(side * (1.5 if state.presenting() else 1))


def _tell_cap(num_classes: int) -> None:
    if num_classes > MAX_COLUMNS:
        st.caption(f"The first {MAX_COLUMNS} of {num_classes:,} classes are shown; the downloads have all.")


def _subscript(number: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))


def _bic_words(bic: dict[int, float]) -> str:
    if len(bic) == 1:
        return f"its number of components, {next(iter(bic))}, is the one that you chose."
    return f"its number of components has the lowest BIC of {', '.join(map(str, bic))}."
