"""What the class controls: one z decoded as every class, and between two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.cache import image_sheets, latents, models
from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell import stage
from dashboard.shell.time_machine import Weights
from dashboard.views.generate import controls, link, parts
from dashboard.views.generate import images as generated
from dashboard.views.generate.follow_time import Sheet
from dashboard.views.generate.parts import Following
from vae.runs.run import Run

#: What is in the window beside the styles, CSS pixels: head, settings, names of the classes, caption, buttons and foot.
AROUND = 368
#: Images in a line where there are many classes: so few that each is large enough to be told from the next.
MANY_IN_LINE = 8
#: Images from one class to another.
MIX_STEPS = 9


def styles(run: Run, weights: Weights) -> Following:
    """The same z under every class: a row is one style."""
    from vae.latent.embedding import prior_draws
    from vae.latent.generation import every_class

    names = run.info.class_names
    with stage.card("settings"):
        places = controls.places(4)
    num = controls.slider(places[0], run, "Styles", link.ROWS, 5, 1, 10, 1, "Rows: how many z to sample.")
    temperature = controls.temperature(places[1], run)
    seed = controls.seed(places[2], places[3], run)
    generated.check_size(run, num * len(names))
    model = models.model(run, weights.at)
    z = prior_draws(model.prior, num, seed=seed, temperature=temperature)
    images = every_class(model, z).numpy()
    with stage.card("styles"):
        st.html(
            generated.gallery(
                images[:, : parts.MAX_COLUMNS],
                columns=names[: parts.MAX_COLUMNS],
                rows=[f"style {row + 1}" for row in range(num)],
                alt="One style as every class",
                name="styles",
                largest=parts.largest(112),
                around=AROUND,
            )
        )
        parts.tell_cap(len(names))
        st.caption(f"Each row is one z, decoded as every class; seed {seed}. Each column is one class.")
        flat = images.reshape(-1, *images.shape[2:])
        facts = [parts.facts(run, seed, label) for _ in range(num) for label in range(len(names))]
        parts.downloads(
            f"{run.id}-styles-seed-{seed}",
            weights,
            image_sheets.sheet(flat, len(names), gap=2),
            lambda: generated.archive(flat, z.numpy().repeat(len(names), 0), facts),
        )
    return Following([Sheet(generated.images_of("styles"), z.tolist(), parts.one_hots(len(names)))])


def transfer(run: Run, weights: Weights) -> Following:
    """One image's z, decoded under every class."""
    import torch

    from vae.latent.generation import every_class

    names = run.info.class_names
    original: NDArray[Any] | None = None
    label: int | None = None
    number: int | None = None
    if session.presenting():
        from_point = controls.image_or_point(run) == "point"
    else:
        with stage.card("settings"):
            from_point = controls.image_or_point(run) == "point"
    if from_point and not session.has_point():
        parts.lead_to_explore()
        return Following()
    if from_point:
        picking, result = st.container(), stage.card("transfer")
    else:
        left, right = stage.columns(3, 7)
        with left:
            picking = stage.card("original")
        with right:
            result = stage.card("transfer")
    drawing = controls.drawing(run) if from_point else ""
    if from_point:
        z = torch.tensor([parts.point(run)])
        words = "The point from Explore, decoded as every class."
        if drawing:
            words = (
                "z comes from the posterior of your drawing: its style, decoded as every class."
                + parts.whose(run)
            )
    else:
        embedding = latents.embedding(run, weights.at, "test")
        originals = controls.originals(run, embedding)
        with picking:
            number = controls.pick_image(run, weights, embedding, originals)
        z = embedding.mean[number : number + 1]
        assert embedding.labels is not None, "a conditional model has labels"
        label = int(embedding.labels[number])
        original = None if originals is None else originals([number])[0]
        words = (
            f"z is the posterior mean of test image {number} given its class, {names[label]}. As {names[label]} it "
            "decodes to the reconstruction; as the others, to the same style."
        )
        if original is None:
            words += " Images not available, so the original is not shown."
    generated.check_size(run, len(names))
    images = every_class(models.model(run, weights.at), z).numpy()
    shown = images[:, : parts.MAX_COLUMNS]
    per_line = len(names) if len(names) <= 6 else -(-len(names) // 2) if len(names) <= 14 else MANY_IN_LINE
    with result:
        has_original = original is not None or drawing != ""
        left, right = st.columns([1, 4]) if has_original else (st.container(), st.container())
    if drawing:
        left.html(parts.drawn(drawing, run))
    if original is not None:
        left.html(
            generated.gallery(
                original[None, None],
                columns=[f"original: {names[label or 0]}"],
                alt="Original",
                name="original",
                largest=parts.largest(168),
            )
        )
    for start in range(0, shown.shape[1], per_line):
        line = slice(start, start + per_line)
        own = None if label is None else label - start
        right.html(
            generated.gallery(
                shown[:, line],
                columns=names[: parts.MAX_COLUMNS][line],
                alt="Re-rendered",
                name="transfer",
                own=own,
                fit=per_line,
                largest=parts.largest(140),
            )
        )
    with result:
        parts.tell_cap(len(names))
        st.caption(plain(words))
    sheet = images[0] if original is None else np.concatenate([original[None], images[0]])
    facts = [{"image": "" if number is None else number, **parts.class_of(run, k)} for k in range(len(names))]
    with result:
        parts.downloads(
            f"{run.id}-transfer-{'point' if number is None else number}",
            weights,
            image_sheets.sheet(sheet, len(sheet), gap=2),
            lambda: generated.archive(images[0], z.numpy().repeat(len(names), 0), facts),
        )
    if number is not None:
        return Following(
            later="z comes from this encoder: image and classes update when you release the scrubber."
        )
    return Following([Sheet(generated.images_of("transfer"), z.tolist(), parts.one_hots(len(names)))])


def mix(run: Run, weights: Weights) -> Following:
    """One z from one class to another, in nine steps of the condition."""
    import torch

    from vae.latent.embedding import prior_draws
    from vae.latent.generation import class_mix

    names = run.info.class_names
    with stage.card("settings"):
        left, right = st.columns(2)
        with left:
            start = controls.pick_class(run, "From class", keys.label(len(names)), 0)
        with right:
            end = controls.pick_class(run, "To class", link.target(len(names)), (start + 1) % len(names))
        if controls.seed_or_point(run) == "point":
            seed: int | str = ""
            z = torch.tensor(parts.point(run))
            words = "z is the point from Explore."
        else:
            places = controls.places(4)
            temperature = controls.temperature(places[0], run)
            seed = controls.seed(places[1], places[2], run)
            prior = models.model(run, weights.at).prior
            z = prior_draws(prior, 1, seed=seed, temperature=temperature)[0]
            words = f"z is sampled from the prior with seed {seed}."
    generated.check_size(run, MIX_STEPS)
    shares, images = class_mix(models.model(run, weights.at), z, start, end, MIX_STEPS)
    middle = [f"{share:.1%}".replace(".0%", "%") for share in shares[1:-1].tolist()]
    with stage.card("mix"):
        st.html(
            generated.gallery(
                images.numpy()[None],
                columns=[names[start], *middle, names[end]],
                alt=f"From {names[start]} to {names[end]}",
                name="mix",
                largest=parts.largest(168),
            )
        )
        st.caption(
            plain(
                f"{words} The numbers are the share of {names[end]} in the condition. The model was trained on pure "
                "classes only, so the images between are extrapolated."
            )
        )
        facts = [
            {"seed": seed, "from": names[start], "to": names[end], "share": share}
            for share in shares.tolist()
        ]
        parts.downloads(
            f"{run.id}-mix-{start}-to-{end}",
            weights,
            image_sheets.sheet(images.numpy(), MIX_STEPS, gap=2),
            lambda: generated.archive(images.numpy(), z.numpy()[None].repeat(MIX_STEPS, 0), facts),
        )
    blends = [{start: 1.0} if start == end else {start: 1 - share, end: share} for share in shares.tolist()]
    return Following([Sheet(generated.images_of("mix"), [z.tolist()], blends)])
