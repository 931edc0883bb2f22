"""Generate: new images from the prior, of a class where the model takes one."""

from __future__ import annotations

import streamlit as st

from dashboard import chooser, generated, latent_view, state
from dashboard.plain import plain
from vae.errors import UserError
from vae.runs import Run

SEED = state.whole("seed", 0, 2**31 - 1)
TEMPERATURE = state.number("temperature", 0.0, 3.0)
NUM = state.whole("num", 1, 100)


def page() -> None:
    """Draw the page."""
    chooser.headline(
        "Generate", "Draw z from the prior N(0, I) and decode it: images that nobody has ever drawn."
    )
    run = chooser.chosen()
    if run is None:
        st.info("There is no run yet. Train one on the Train page.")
        return
    conditional = run.config.model.conditional
    label = _pick_class(run) if conditional else None
    controls, picture = st.columns([1, 3], gap="large")
    with controls:
        num = st.slider(
            "Images", 1, 100, state.read(NUM, 36), key=f"generate-num:{run.id}", help="How many to draw."
        )
        temperature = st.slider(
            "Temperature",
            0.0,
            3.0,
            state.read(TEMPERATURE, 1.0),
            0.05,
            key=f"generate-temperature:{run.id}",
            help="Standard deviation of z: 1 is the prior, less is safer, more is stranger.",
        )
        seed = _seed(run)
        if not conditional:
            st.caption(
                "This model was trained without labels, so no class can be picked. Switch on Conditional in the "
                "form of the Train page to train one that takes them."
            )
    state.write(NUM, num)
    state.write(TEMPERATURE, temperature)
    state.write(SEED, seed)
    try:
        sheet = generated.sheet(run, num=num, seed=seed, label=label, temperature=temperature)
    except UserError as error:
        st.error(plain(str(error)))
        return
    with picture:
        what = f"{num} images" + (f" of class {run.info.class_names[label]}" if label is not None else "")
        st.image(sheet.large, width=sheet.width, caption=f"{plain(what)}: the mean of p(x|z), seed {seed}")
        st.download_button(
            "Download PNG",
            sheet.exact,
            file_name=f"{run.id}-seed-{seed}.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
            help="One pixel for each pixel of the model.",
        )


def _pick_class(run: Run) -> int:
    names = run.info.class_names
    now = latent_view.label(run) or 0
    if len(names) <= 30:
        picked = st.segmented_control(
            "Class",
            range(len(names)),
            default=now,
            format_func=lambda index: plain(names[index]),
            required=True,
            key=f"generate-class:{run.id}",
        )
    else:
        picked = st.selectbox(
            "Class", range(len(names)), now, format_func=names.__getitem__, key=f"generate-class:{run.id}"
        )
    label = int(picked or 0)
    state.write(state.label(len(names)), label)
    return label


def _seed(run: Run) -> int:
    key = f"generate-seed:{run.id}"
    if key not in st.session_state:
        st.session_state[key] = state.read(SEED, 0)
    seed = st.number_input("Seed", 0, 2**31 - 1, key=key, help="One seed, one set of z, whatever the class.")
    st.button("Draw again", icon=":material/casino:", on_click=_next_seed, args=(key,), width="stretch")
    return int(seed)


def _next_seed(key: str) -> None:
    st.session_state[key] = (int(st.session_state[key]) + 1) % 2**31
