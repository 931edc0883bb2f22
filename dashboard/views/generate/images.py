"""Generated images, as the page shows them and as a person downloads them."""

from __future__ import annotations

import base64
import csv
import html
import io
import math
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.cache import image_sheets
from vae.errors import UserError
from vae.runs.run import Run

#: Pixels of all images of one view together: what a browser and this server take without trouble.
MAX_PIXELS = 2**24
#: Sides of an enlarged image in a gallery, CSS pixels; more columns than MANY scroll rather than become smaller.
SMALLEST, LARGEST, MANY = 40, 168, 20
#: Of an enlarged image's sides where the window's height decides.
TALLEST = 560
#: Pixels between two images.
GAP = 2
#: Width kept for the headers of rows.
_LEFT = 60

_STYLE = """
.ll-gallery { container-type: inline-size; overflow-x: auto; padding-bottom: 4px; }
.ll-gallery table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums;
  width: max-content; }
.ll-gallery th, .ll-gallery td { border: 0; padding: 0 GAPpx GAPpx 0; vertical-align: top; }
.ll-gallery th { color: color-mix(in srgb, currentColor 76%, transparent); font-size: 0.8125rem; font-weight: 500;
  line-height: 1.5rem; text-align: center; }
.ll-gallery th[scope="row"] { min-width: LEFTpx; white-space: nowrap; padding-right: 10px; text-align: right;
  vertical-align: middle; }
@media (max-width: 599px) { .ll-gallery th[scope="col"] { font-size: 0.625rem; } }
.ll-gallery th span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.ll-gallery img { display: block; image-rendering: pixelated; background: #000; border-radius: 3px; max-width: none; }
.ll-gallery img.ll-own { outline: 2px solid #6a63f0; }
.ll-gallery th.ll-own { color: inherit; font-weight: 700; }
.ll-gallery.ll-centre table { margin: 0 auto; }
""".replace("GAP", str(GAP)).replace("LEFT", str(_LEFT))


def check_size(run: Run, num: int) -> None:
    """Refuse a view of more pixels than a browser takes.

    Raises:
        UserError: If so many images of the run are too many.
    """
    pixels = num * run.info.height * run.info.width
    if pixels > MAX_PIXELS:
        raise UserError(f"a sheet must have at most {MAX_PIXELS:,} pixels, got {pixels:,}; show fewer rows")


def gallery(
    images: Sequence[NDArray[Any]] | NDArray[Any],
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    alt: str,
    own: int | None = None,
    fit: int = 0,
    largest: int = LARGEST,
    centre: bool = False,
    name: str = "",
    around: int = 0,
) -> str:
    """Images in a table, as HTML, with their pixels enlarged by the largest whole factor that fits the page.

    Images that are larger than a page with so many has room for are made half or a quarter as wide.

    Args:
        images: Values from 0 to 1, ``(R, N, C, H, W)``; the last row may be shorter.
        columns: N headers, or none; whatever they say, they are escaped, and cut where an image is narrower.
        rows: R headers, or none.
        alt: What the images are, before their place in the table.
        own: A column to mark.
        fit: Columns that shall fit, if more than there are: so that tables of one page have one factor.
        largest: Of an enlarged image's sides, CSS pixels.
        centre: Whether the table stands in the middle.
        name: By which `images_of` finds its images.
        around: What else of the page is in the window with the table, CSS pixels; then all of its rows are in the
            window too, as large as they fit.
    """
    num_rows, (num_images, _, height, width) = len(images), images[0].shape
    num_columns = max(fit, num_images)
    lowest = max(1, math.ceil(SMALLEST / width)) if num_columns > MANY else 1
    highest = max(lowest, (TALLEST if around else largest) // max(height, width))
    left = _LEFT if rows else 0
    fits = f"ll-fit-{width}-{num_columns}-{left}-{lowest}-{highest}{f'-{num_rows}' if around else ''}"
    shrunk = [share for share in (0.25, 0.5) if width * share >= SMALLEST and num_columns <= MANY]
    factors = [*shrunk, *map(float, range(lowest, highest + 1))]
    # How wide the page is, the browser knows: it takes the largest factor with which all columns fit.
    widths = [left + num_columns * (width * factor + GAP) for factor in factors]
    fitting = [f".{fits} {{ --f: {factors[0]:g}; }}"]
    for wide, factor in zip(widths[1:], factors[1:], strict=True):
        rule = f"@container (min-width: {wide:g}px) {{ .{fits} {{ --f: {factor:g}; }} }}"
        tall = around + num_rows * (height * factor + GAP)
        fitting.append(f"@media (min-height: {tall:g}px) {{ {rule} }}" if around else rule)
    heads = "".join(_head(column, width, own == place) for place, column in enumerate(columns))
    lines = []
    for place, line in enumerate(images):
        head = f'<th scope="row">{html.escape(rows[place])}</th>' if rows else ""
        cells = ""
        for column, image in enumerate(line):
            words = [alt]
            if num_rows > 1:
                words.append(rows[place] if rows else f"row {place + 1}")
            if columns or num_images > 1:
                words.append(columns[column] if columns else f"column {column + 1}")
            cells += _cell(image, ", ".join(words), own == column)
        lines.append(f"<tr>{head}{cells}</tr>")
    top = f"<thead><tr>{'<td></td>' if rows else ''}{heads}</tr></thead>" if columns else ""
    kind = "ll-gallery ll-centre" if centre else "ll-gallery"
    reach = ' tabindex="0"' if num_columns > MANY else ""  # what scrolls must be scrolled by keys, too
    mark = f' data-sheet="{html.escape(name)}"' if name else ""
    return (
        f"<style>{_STYLE}{''.join(fitting)}</style>"
        f'<div class="{kind}" role="group" aria-label="{html.escape(alt)}"{reach}{mark}>'
        f'<table class="{fits}">{top}<tbody>{"".join(lines)}</tbody></table></div>'
    )


def images_of(name: str) -> str:
    """CSS selector of the images of the galleries of a name."""
    return f'.ll-gallery[data-sheet="{name}"] img'


def _head(name: str, width: int, own: bool) -> str:
    marked = ' class="ll-own"' if own else ""
    shown, size = html.escape(name), f"width: calc({width}px * var(--f))"
    return f'<th scope="col"{marked} title="{shown}"><span style="{size}">{shown}</span></th>'


def _cell(image: NDArray[Any], alt: str, own: bool) -> str:
    marked = ' class="ll-own"' if own else ""
    _, height, width = image.shape
    size = f"width: calc({width}px * var(--f)); height: calc({height}px * var(--f))"
    return f'<td><img{marked} style="{size}" src="{address(image)}" alt="{html.escape(alt)}"></td>'


def address(image: NDArray[Any]) -> str:
    """The image as an address that contains it, at its own size."""
    return "data:image/png;base64," + base64.b64encode(image_sheets.png(image)).decode()


def archive(images: NDArray[Any], z: NDArray[Any], facts: Iterable[dict[str, Any]]) -> bytes:
    """A zip of one PNG for each image and a table `images.csv`: file, what is known of it, and z.

    The same images give the same bytes. File names are numbers: what a label says is in the table alone.

    Args:
        images: Values from 0 to 1, ``(N, C, H, W)``.
        z: Latent points, ``(N, D)``.
        facts: For each image, its columns of the table.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:  # PNGs are compressed already
        for place, (image, point, known) in enumerate(zip(images, z, facts, strict=True)):
            name = f"image-{place:04d}.png"
            if place == 0:
                writer.writerow(["file", *known, *(f"z{dim + 1}" for dim in range(len(point)))])
            writer.writerow([name, *known.values(), *(repr(float(np.float32(value))) for value in point)])
            made.writestr(zipfile.ZipInfo(name), image_sheets.png(image))
        made.writestr(zipfile.ZipInfo("images.csv"), table.getvalue())
    return file.getvalue()


def places(
    background: NDArray[Any], points: NDArray[Any], *, centre: Sequence[float] | None, alt: str
) -> str:
    """Points of a plane over a cloud of grey ones, as HTML; the ring is the prior's two standard deviations.

    Args:
        background: The cloud, ``(N, 2)``.
        points: On top of it, ``(P, 2)``.
        centre: Of the ring; None draws none.
        alt: What they are.
    """

    def circles(at: NDArray[Any], radius: float) -> str:
        return "".join(f'<circle cx="{x:.2f}" cy="{-y:.2f}" r="{radius}"/>' for x, y in at.tolist())

    ring = "" if centre is None else circles(np.array([centre]), 2)
    # An image knows no theme: greys that can be seen on both.
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 8 8" width="320" height="320">'
        f'<g fill="#8b8f9c" opacity="0.45">{circles(background, 0.05)}</g>'
        f'<g fill="none" stroke="#8b8f9c" stroke-width="0.03">{ring}</g>'
        f'<g fill="#6a63f0" stroke="#fff" stroke-width="0.04">{circles(points, 0.13)}</g></svg>'
    )
    source = "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()
    style = "display: block; max-width: 320px; width: 100%"
    return f'<img data-plot="{html.escape(alt)}" style="{style}" src="{source}" alt="{html.escape(alt)}">'


def scale(accuracy: float, standard_error: float, chance: float) -> str:
    """A bar from 0 to 100 % with the accuracy filled and chance marked, as HTML."""
    words = f"Accuracy {accuracy:.1%}, chance {chance:.1%}"
    return f"""<style>
.ll-scale {{ height: 2.75rem; margin: 0.25rem 0 0.5rem; position: relative; }}
.ll-scale i {{ border-radius: 4px; height: 0.75rem; left: 0; position: absolute; top: 0.25rem; }}
.ll-scale .all {{ background: color-mix(in srgb, currentColor 16%, transparent); width: 100%; }}
.ll-scale .filled {{ background: #6a63f0; }}
.ll-scale .chance {{ background: currentColor; border-radius: 0; height: 1.25rem; top: 0; width: 2px; }}
.ll-scale b {{ font-size: 0.8125rem; font-weight: 500; position: absolute; top: 1.25rem; }}
</style><div class="ll-scale" role="img" aria-label="{words}" data-accuracy="{accuracy}"
 data-error="{standard_error}" data-chance="{chance}"><i class="all"></i>
<i class="filled" style="width: {accuracy:.2%}"></i><i class="chance" style="left: {chance:.2%}"></i>
<b style="left: {chance:.2%}">chance</b></div>"""
