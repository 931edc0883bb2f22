"""The controls of the Generate page. In a presentation the settings keep the values of the link and are not drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st
from numpy.typing import NDArray

from dashboard.cache import datasets, models
from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell.time_machine import Weights
from dashboard.views.generate import images, link
from vae.config.registries import STANDARD_NORMAL
from vae.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from dashboard.streamlit_internals import DeltaGenerator
    from vae.latent.embedding import Embedding

#: Test images to pick from at a time.
NUM_THUMBS, THUMBS_IN_ROW = 8, 4
#: More classes than these are picked from a list.
MANY_CLASSES = 30
#: Numbers of Gaussians to choose from; `vae.latent.generation` tries fewer by itself.
SIZES = (1, 2, 5, 10, 20, 40)
COMPONENTS = {"bic": "By BIC", **{str(size): str(size) for size in SIZES}}


def pick_class(run: Run, title: str, key: keys.Key[int], default: int) -> int:
    """A class by its name."""
    names = run.info.class_names
    session.seat(key, widget := f"generate-{key.name}:{run.id}", session.read(key, default))
    if len(names) <= MANY_CLASSES:
        picked = st.segmented_control(
            title,
            range(len(names)),
            format_func=lambda index: plain(names[index]),
            required=True,
            key=widget,
        )
    else:
        picked = st.selectbox(title, range(len(names)), format_func=names.__getitem__, key=widget)
    label = int(picked or 0)
    session.write(key, label)
    return label


def places(num: int) -> Sequence[DeltaGenerator]:
    """Where controls stand side by side; in a presentation most of them are not there."""
    return [st.container()] * num if session.presenting() else st.columns(num, vertical_alignment="bottom")


def slider(
    place: DeltaGenerator,
    run: Run,
    title: str,
    key: keys.Key[Any],
    default: float,
    low: float,
    high: float,
    step: float,
    words: str,
) -> Any:
    """A slider for a value of the link; its type is that of the bounds."""
    value = session.read(key, default)
    if not session.presenting():
        session.seat(key, widget := f"generate-{key.name}:{run.id}", value)
        value = place.slider(title, low, high, step=step, key=widget, help=words)
    session.write(key, value)
    return value


def temperature(place: DeltaGenerator, run: Run) -> float:
    """The standard deviation of z; 1 where the prior is not the standard normal, which alone has one."""
    if run.config.model.prior != STANDARD_NORMAL:
        place.caption("Temperature: for the standard normal prior only.")
        return 1.0
    words = (
        "Standard deviation of z. 1 is the prior; less gives more typical images, more gives stranger ones."
    )
    return float(slider(place, run, "Temperature", link.TEMPERATURE, 1.0, 0.0, 3.0, 0.05, words))


def components(place: DeltaGenerator, run: Run) -> int | None:
    """The number of Gaussians of the mixture; None leaves it to the BIC."""
    wanted = session.read(link.COMPONENTS, "bic")
    if not session.presenting():
        session.seat(link.COMPONENTS, widget := f"generate-components:{run.id}", wanted)
        wanted = place.selectbox(
            "Gaussians",
            list(COMPONENTS),
            format_func=COMPONENTS.__getitem__,
            key=widget,
            help="Components of the mixture: a number, or the one with the lowest Bayesian information criterion "
            "(BIC).",
        )
    session.write(link.COMPONENTS, wanted)
    return None if wanted == "bic" else int(wanted)


def seed(place: DeltaGenerator, button: DeltaGenerator, run: Run) -> int:
    """The seed of z, and a button for the next one."""
    now, key = session.read(keys.SEED, 0), f"generate-seed:{run.id}"
    if not session.presenting():
        session.seat(keys.SEED, key, now)
        words = "The same seed gives the same z, whatever the class."
        now = int(place.number_input("Seed", 0, 2**31 - 1, key=key, help=words))
    session.write(keys.SEED, now)
    button.button(
        "Sample again",
        icon=":material/casino:",
        key=f"generate-again:{run.id}",
        on_click=_next_seed,
        args=(key, now),
        width="content" if session.presenting() else "stretch",
    )
    return now


def _next_seed(key: str, now: int) -> None:
    following = (now + 1) % 2**31
    st.session_state[key] = following
    session.write(keys.SEED, following)


def drawing(run: Run) -> str:
    """The drawing whose posterior the point of Explore is of, which the link then carries too; empty without one."""
    posterior = keys.posterior(run.info.num_test)
    text = session.read(keys.DRAWING, "")
    if not text or not session.has_point() or session.read(posterior, -1) != keys.DRAWN:
        return ""
    session.write(posterior, keys.DRAWN)
    session.write(keys.DRAWING, text)
    return text


def image_or_point(run: Run) -> str:
    """Where z comes from in a style transfer: a test image, or the point of Explore: usual for a new drawing."""
    drawn, seen = session.read(keys.DRAWING, ""), f"_generate-drawn:{run.id}"
    is_new = session.read(keys.posterior(run.info.num_test), -1) == keys.DRAWN and session.has_point()
    if is_new and drawn and st.session_state.get(seen) != drawn:
        st.session_state[seen] = drawn
        if st.query_params.get(link.SOURCE.name) not in ("image", "point"):
            st.session_state[f"generate-from-image:{run.id}"] = "point"
            session.write(link.SOURCE, "point")
    return _source(
        run, "image", {"image": "A test image", "point": "Your drawing, or the point from Explore"}
    )


def seed_or_point(run: Run) -> str:
    """Where z comes from in a mix of classes: the prior, or the point of Explore if there is one."""
    offers = {"seed": "The prior", "point": "The point from Explore"}
    return _source(run, "seed", offers if session.has_point() else {"seed": offers["seed"]})


def _source(run: Run, usual: str, offers: dict[str, str]) -> str:
    wanted = session.read(link.SOURCE, usual)
    if wanted not in offers:
        wanted = usual
    if len(offers) > 1:
        session.seat(link.SOURCE, widget := f"generate-from-{usual}:{run.id}", wanted)
        wanted = str(
            st.segmented_control(
                "z from",
                list(offers),
                format_func=offers.__getitem__,
                required=True,
                key=widget,
            )
            or usual
        )
    session.write(link.SOURCE, wanted)
    return wanted


Originals = Callable[[list[int]], NDArray[Any]]


def originals(run: Run, embedding: Embedding) -> Originals | None:
    """Gives test images by their numbers, ``(N, C, H, W)`` from 0 to 1; None if they are not on this machine."""
    from vae.data.types import DataError

    try:
        dataset = datasets.dataset(run)
    except DataError:
        return None
    if len(embedding.index) and int(embedding.index.max()) >= len(dataset.images):
        return None

    def give(numbers: list[int]) -> NDArray[Any]:
        grey: NDArray[Any] = dataset.images[embedding.index[numbers]].numpy() / dataset.max_value
        return grey

    return give


def pick_image(run: Run, weights: Weights, embedding: Embedding, originals: Originals | None) -> int:
    """The number of a test image: by its class and from a strip of thumbnails."""
    import torch

    assert embedding.labels is not None, "a conditional model has labels"
    labels = embedding.labels
    key = keys.image(len(labels))
    number = session.read(key, 0)
    label = int(labels[number])
    session.write(key, number)
    same = (labels == label).nonzero()[:, 0]
    rank = int((same == number).nonzero()[0])
    first = rank - rank % NUM_THUMBS
    offers, typing = st.columns(2, vertical_alignment="bottom")
    with offers:
        _pick_test_class(run, labels, label, key)
    with typing:
        if not session.presenting():
            _pick_number(run, number, len(labels), key)
    shown = same[first : first + NUM_THUMBS].tolist()
    if originals is None:
        with torch.no_grad():
            model = models.model(run, weights.at)
            pictures = model.decode(embedding.mean[shown], labels[shown]).numpy()
    else:
        pictures = originals(shown)
    for start in range(0, len(shown), THUMBS_IN_ROW):
        row = slice(start, start + THUMBS_IN_ROW)
        for column, candidate, picture in zip(
            st.columns(THUMBS_IN_ROW), shown[row], pictures[row], strict=False
        ):
            with column, st.container(key=f"generate-pick-{candidate}"):
                name = f"Test image {candidate}"
                st.html(images.gallery(picture[None, None], alt=name, largest=84, centre=True))
                st.button(
                    f"{candidate}",
                    key=f"generate-thumb:{candidate}",
                    type="primary" if candidate == number else "secondary",
                    width="stretch",
                    on_click=session.write,
                    args=(key, candidate),
                )
    for column, name, title, to in zip(
        st.columns(2),
        ("earlier", "later"),
        ("‹ Earlier", "Later ›"),
        (first - NUM_THUMBS, first + NUM_THUMBS),
        strict=True,
    ):
        column.button(
            title,
            key=f"generate-{name}",
            disabled=not 0 <= to < len(same),
            width="stretch",
            on_click=session.write,
            args=(key, int(same[max(0, min(to, len(same) - 1))])),
        )
    return number


def _pick_number(run: Run, number: int, num: int, key: keys.Key[int]) -> None:
    """The number of the test image, to type."""
    widget = f"generate-image:{run.id}:{number}"

    def choose() -> None:
        typed = st.session_state[widget]
        if 0 <= typed < num:
            session.write(key, typed)
            return
        st.session_state[widget] = number
        session.notice(
            f"Test images have the numbers 0 to {num - 1} on every page, got {typed}; keeping test image {number}."
        )

    st.session_state.setdefault(widget, number)
    st.number_input("Test image", step=1, key=widget, on_change=choose, help=f"0 to {num - 1}")


def _pick_test_class(run: Run, labels: Tensor, label: int, key: keys.Key[int]) -> None:
    """The class whose test images are offered; another one begins at its first image."""
    names, there = run.info.class_names, labels.unique().tolist()
    widget = f"generate-of:{run.id}:{label}"

    def choose() -> None:
        session.write(key, int((labels == st.session_state[widget]).nonzero()[0]))

    st.selectbox(
        "Class", there, there.index(label), format_func=names.__getitem__, key=widget, on_change=choose
    )
