"""The evolution of a run's map as an animation, one frame per snapshot."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dashboard.cache import lru
from dashboard.look.colours import BACKGROUND, TEXT, ThemeName, classes_palette, inks
from dashboard.look.markdown import plain
from vae.config.registries import STANDARD_NORMAL
from vae.errors import UserError
from vae.latent.evolution import Evolution, evolution
from vae.runs.beta_history import title_of
from vae.runs.run import Run
from vae.runs.snapshot_index import Moment

#: Size of a frame, and of the square with the map in it, pixels.
SIZE = (760, 664)
_BOX = (64, 76, 604, 616)
#: Milliseconds that a frame stays, and the last one.
FRAME, LAST = 120, 2000
#: Classes that the legend names.
_NAMED = 24
#: Share of the positions that the axes hold: a few early snapshots may throw images far out.
_SHARE = 0.995
_RADIUS = 3


#: Told the share of the frames that are drawn.
Progress = Callable[[float], None]


def evolution_gif(run: Run, theme: ThemeName = "light", progress: Progress | None = None) -> bytes:
    """The posterior means of a run's probe images at each snapshot, as an animated GIF.

    Args:
        run: The run.
        theme: Colours of the page.
        progress: Told the share that is done.

    Raises:
        CheckpointError: If the run kept fewer than two snapshots, or what they keep is damaged.
    """
    stage = _Stage.of(run, evolution(run), theme)
    # One palette for all frames: nothing flickers. The last frame has every colour, and most often the densest clouds.
    palette = stage.frame(len(stage.moments) - 1).quantize(256, Image.Quantize.MEDIANCUT)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in stage.frames(progress)]
    file = io.BytesIO()
    small[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=small[1:],
        duration=[FRAME] * (len(small) - 1) + [LAST],
        loop=0,
    )
    return file.getvalue()


def evolution_mp4(run: Run, theme: ThemeName = "light", progress: Progress | None = None) -> bytes:
    """The same frames as an MP4: H.264, which browsers and slide programs play.

    Args:
        run: The run.
        theme: Colours of the page.
        progress: Told the share that is done.

    Raises:
        CheckpointError: As `evolution_gif` does.
    """
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=Fraction(1000, FRAME))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        # Flat colours and small dots: quality that keeps the dots' edges, one thread so that pages stay quick.
        stream.codec_context.options = {"crf": "18", "preset": "medium", "tune": "animation"}
        stream.codec_context.thread_count = 1
        frame = None
        for picture in _Stage.of(run, evolution(run), theme).frames(progress):
            frame = av.VideoFrame.from_image(picture)
            container.mux(stream.encode(frame))
        # A film has one rate: its last picture is shown again until it has stood long enough.
        for _ in range(round(LAST / FRAME) - 1 if frame else 0):
            assert frame is not None
            frame.pts = None
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


Make = Callable[[Run, ThemeName, Progress | None], bytes]
#: What the animation can be: how it is called, its type, and what makes it.
FORMATS: dict[str, tuple[str, Make]] = {
    "gif": ("image/gif", evolution_gif),
    "mp4": ("video/mp4", evolution_mp4),
}


_made = lru.Cache(4)


@st.fragment
def download_button(run: Run) -> None:
    """Offer the animation of a run that kept snapshots, in each format; it is made when it is asked for.

    A fragment: the page goes on meanwhile.
    """
    steps = run.snapshots()
    if len(steps) < 2:
        return
    theme: ThemeName = "dark" if st.context.theme.type == "dark" else "light"
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind, (mime, make) in FORMATS.items():
            asked = st.button(
                f"Evolution as {kind.upper()}",
                icon=":material/movie:",
                key=f"evolution-{kind}:{run.id}",
                help="The posterior means of the probe images at every snapshot, one frame each.",
            )
            if asked:
                _give(run, tuple(steps), theme, kind, mime, make)


def _give(run: Run, steps: tuple[int, ...], theme: ThemeName, kind: str, mime: str, make: Make) -> None:
    """Make an animation before the person's eyes, and offer it."""
    place = st.empty()

    def tell(share: float) -> None:
        place.progress(share, f"Drawing frames: {share:.0%}")

    try:
        content = _made.get((run.path, steps, theme, kind), lambda: make(run, theme, tell))
    except UserError as error:
        place.error(plain(str(error)))
        return
    place.download_button(
        f"Save {kind.upper()}, {max(0.1, len(content) / 1e6):.1f} MB",
        content,
        file_name=f"{run.id}-evolution.{kind}",
        mime=mime,
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=f"evolution-save-{kind}:{run.id}",
    )


@dataclass(frozen=True)
class _Stage:
    """What all frames share: the axes, the legend, the sprites, and where each image is at each moment, in pixels."""

    empty: Image.Image
    places: NDArray[np.int64]
    classes: list[int]
    sprites: list[Image.Image]
    moments: tuple[Moment, ...]
    text: str

    @classmethod
    def of(cls, run: Run, found: Evolution, theme: ThemeName) -> _Stage:
        positions = found.positions.cpu().double().numpy()
        centre, half = _view(positions)
        scale = (_BOX[2] - _BOX[0]) / (2 * half)
        across = _BOX[0] + (positions[..., 0] - (centre[0] - half)) * scale
        down = _BOX[3] - (positions[..., 1] - (centre[1] - half)) * scale
        names = run.info.class_names if found.labels is not None else ()
        colours = classes_palette(max(1, len(names)), theme)
        labels = [0] * positions.shape[1] if found.labels is None else found.labels.tolist()
        return cls(
            empty=_empty(run, found, theme, (centre, half), names, colours),
            places=np.rint(np.stack([across, down], -1)).astype(np.int64),
            classes=labels,
            sprites=[_sprite(colour) for colour in colours],
            moments=found.moments,
            text=TEXT[theme],
        )

    def frames(self, progress: Progress | None = None) -> Iterator[Image.Image]:
        """The picture of each moment, of which there are at most `vae.runs.snapshot_index.MOST`."""
        for k in range(len(self.moments)):
            yield self.frame(k)
            if progress is not None:
                progress((k + 1) / len(self.moments))

    def frame(self, number: int) -> Image.Image:
        """The picture of one moment."""
        picture = self.empty.copy()
        left, top, right, bottom = _BOX
        for (x, y), label in zip(self.places[number].tolist(), self.classes, strict=True):
            if left <= x <= right and top <= y <= bottom:
                sprite = self.sprites[label]
                picture.paste(sprite, (x - sprite.width // 2, y - sprite.height // 2), sprite)
        moment = self.moments[number]
        epoch = f"{moment.epoch:.2f}" if moment.epoch < 10 else f"{moment.epoch:.1f}"
        words = f"step {moment.step:,} · epoch {epoch} · β {moment.beta:.4g}"
        ImageDraw.Draw(picture).text((_BOX[0], 44), _drawable(words), self.text, _font(15))
        return picture


def _view(positions: NDArray[np.float64]) -> tuple[tuple[float, float], float]:
    """Centre and half the side of the square that holds most positions and the prior's 3σ."""
    flat = positions.reshape(-1, 2)
    tail = (1 - _SHARE) / 2
    low = np.minimum(np.quantile(flat, tail, axis=0), -3.2)
    high = np.maximum(np.quantile(flat, 1 - tail, axis=0), 3.2)
    middle = (low + high) / 2
    return (float(middle[0]), float(middle[1])), float((high - low).max() / 2 * 1.04)


def _empty(
    run: Run,
    found: Evolution,
    theme: ThemeName,
    view: tuple[tuple[float, float], float],
    names: tuple[str, ...],
    colours: list[str],
) -> Image.Image:
    """Title, axes, the prior's circles and the legend."""
    text, (muted, _, grid) = TEXT[theme], inks(theme)
    picture = Image.new("RGB", SIZE, BACKGROUND[theme])
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = _BOX
    (x0, y0), half = view
    scale = (right - left) / (2 * half)
    step = _tick(half)
    for k in range(math.ceil((x0 - half) / step), math.floor((x0 + half) / step) + 1):
        x = left + (k * step - x0 + half) * scale
        draw.line((x, top, x, bottom), grid)
        draw.text((x, bottom + 6), _number(k * step), muted, _font(12), anchor="ma")
    for k in range(math.ceil((y0 - half) / step), math.floor((y0 + half) / step) + 1):
        y = bottom - (k * step - y0 + half) * scale
        draw.line((left, y, right, y), grid)
        draw.text((left - 8, y), _number(k * step), muted, _font(12), anchor="rm")
    # Where the prior is: its mean in the plane, and 1 to 3 of its standard deviations, which the standard normal has.
    middle = found.plane.project(found.plane.mean.new_zeros(1, len(found.plane.mean)))[0].tolist()
    x, y = left + (middle[0] - x0 + half) * scale, bottom - (middle[1] - y0 + half) * scale
    circles = Image.new("L", (2 * SIZE[0], 2 * SIZE[1]))
    for radius in (1, 2, 3) if run.config.model.prior == STANDARD_NORMAL else ():
        r = radius * scale
        box = [2 * value for value in (x - r, y - r, x + r, y + r)]
        ImageDraw.Draw(circles).ellipse(box, outline=110, width=2)
        if top + 8 <= y - r:
            draw.text((x, y - r - 2), _drawable(f"{radius}σ"), muted, _font(11), anchor="md")
    clipped = Image.new("L", SIZE)
    clipped.paste(circles.resize(SIZE, Image.Resampling.LANCZOS).crop(_BOX), _BOX[:2])
    picture.paste(Image.new("RGB", SIZE, text), mask=clipped)
    across, up = _titles(run.config.model.latent_dim)
    draw.text(((left + right) / 2, bottom + 26), _drawable(across), text, _font(13), anchor="ma")
    sideways = Image.new("L", (bottom - top, 20))
    ImageDraw.Draw(sideways).text((sideways.width / 2, 10), _drawable(up), 255, _font(13), anchor="mm")
    sideways = sideways.rotate(90, expand=True)
    picture.paste(Image.new("RGB", sideways.size, text), (8, top), sideways)
    num = found.positions.shape[1]
    title = f"{_short(title_of(run), 44)}: {num} images at their posterior means"
    draw.text((left, 18), _drawable(title), text, _font(18, bold=True))
    for k, (name, colour) in enumerate(list(zip(names, colours, strict=True))[:_NAMED]):
        sprite = _sprite(colour, 5, 255)
        y = top + 8 + 22 * k
        picture.paste(sprite, (right + 16, y - sprite.height // 2), sprite)
        draw.text((right + 34, y), _drawable(_short(name, 16)), text, _font(13), anchor="lm")
    if len(names) > _NAMED:
        rest = f"and {len(names) - _NAMED} more"
        draw.text((right + 16, top + 8 + 22 * _NAMED), rest, muted, _font(13), anchor="lm")
    return picture


def _titles(latent_dim: int) -> tuple[str, str]:
    if latent_dim > 2:
        return "first principal component of the last snapshot", "second principal component"
    return "z₁", "z₂" if latent_dim == 2 else ""


def _tick(half: float) -> float:
    """Distance of the axes' ticks: 1, 2 or 5 of a power of ten, so that there are four to ten."""
    rough = half / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough)


def _number(value: float) -> str:
    return _drawable(f"{value + 0.0:g}".replace("-", "−"))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


@cache
def _sprite(colour: str, radius: int = _RADIUS, opacity: int = 217) -> Image.Image:
    """A smooth dot; on the map others show through it."""
    side = 2 * radius + 2
    mask = Image.new("L", (8 * side, 8 * side))
    ImageDraw.Draw(mask).ellipse([8, 8, 8 * side - 9, 8 * side - 9], fill=opacity)
    dot = Image.new("RGB", (side, side), colour)
    dot.putalpha(mask.resize((side, side), Image.Resampling.LANCZOS))
    return dot


@cache
def _face() -> Path | None:
    """The page's own font, as Streamlit carries it; None where this Pillow cannot read it."""
    found = next((Path(st.__file__).parent / "static").rglob("SourceSansVF-Upright*.woff2"), None)
    try:
        ImageFont.truetype(str(found), 12).set_variation_by_axes([400])
    except OSError:
        return None
    return found


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if (face := _face()) is None:
        return ImageFont.load_default(size)
    font = ImageFont.truetype(str(face), size)
    font.set_variation_by_axes([600 if bold else 400])
    return font


#: Pillow's own font has neither Greek nor subscripts.
_PLAIN = str.maketrans({"β": "beta", "σ": " sd", "₁": "1", "₂": "2", "−": "-", "·": ",", "…": "..."})


def _drawable(text: str) -> str:
    return text if _face() else text.translate(_PLAIN)
