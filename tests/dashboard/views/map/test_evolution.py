"""The animation of a run's map."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from PIL import Image

from dashboard.look.colours import BACKGROUND, DIGITS, ThemeName
from dashboard.views.map import evolution
from dashboard.views.map.evolution import FRAME, LAST, SIZE, evolution_gif, evolution_mp4
from vae.runs.run import Run


def frames(content: bytes) -> list[tuple[np.ndarray, int]]:
    found = []
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == SIZE and picture.info["loop"] == 0
        for number in range(picture.n_frames):
            picture.seek(number)
            found.append((np.asarray(picture.convert("RGB"), int), picture.info["duration"]))
    return found


def channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))


def near(pixels: np.ndarray, colour: str) -> int:
    """How many pixels have about this colour."""
    return int((np.abs(pixels - channels(colour)).max(-1) < 40).sum())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_there_is_one_frame_for_each_snapshot_in_the_page_s_colours(
    theme: ThemeName, trained_run: Run
) -> None:
    found = frames(evolution_gif(trained_run, theme))
    assert len(found) == len(trained_run.snapshots())
    assert [duration for _, duration in found] == [FRAME] * (len(found) - 1) + [LAST]
    for pixels, _ in found:
        assert near(pixels[:40, :40], BACKGROUND[theme]) == 1600
    # Every class has a dot in the legend, and dots on the last map.
    for colour in DIGITS[theme]:
        assert near(found[-1][0][:, 610:], colour) > 20
    before, after = found[0][0][80:610, 70:600], found[-1][0][80:610, 70:600]
    assert (np.abs(before - after).max(-1) > 40).sum() > 500


def test_film_shows_the_frames_of_the_gif_and_the_last_one_as_long(trained_run: Run) -> None:
    told: list[float] = []
    content = evolution_mp4(trained_run, "dark", told.append)
    num = len(trained_run.snapshots())
    assert told == [pytest.approx((k + 1) / num) for k in range(num)]
    with av.open(io.BytesIO(content)) as film:
        (stream,) = film.streams.video
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == SIZE
        shown = [(frame.to_ndarray(format="rgb24").astype(int), frame.time) for frame in film.decode(video=0)]
    times = [time for _, time in shown]
    assert np.allclose(np.diff(times), FRAME / 1000)
    assert len(shown) == num + round(LAST / FRAME) - 1
    for (pixels, _), (drawn, _) in zip(shown, frames(evolution_gif(trained_run, "dark")), strict=False):
        assert np.abs(pixels - drawn).mean() < 4
    moved, still = (np.abs(shown[k][0] - shown[num - 1][0]).mean() for k in (0, -1))
    assert still < moved / 4


def test_without_the_page_s_font_it_is_drawn_with_another(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evolution, "_face", lambda: None)
    evolution._font.cache_clear()
    try:
        assert evolution._drawable("β 1 · z₁ −3") == "beta 1 , z1 -3"
        assert len(frames(evolution_gif(trained_run))) == len(trained_run.snapshots())
    finally:
        evolution._font.cache_clear()
