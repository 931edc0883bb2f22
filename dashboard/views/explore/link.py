"""What a link says of the Explore page: the path, arithmetic, what the sliders span, the map beside them."""

from __future__ import annotations

from dashboard.link.keys import MAX_COORDINATE, Key, choice, number
from dashboard.views.explore import path_text

#: The path through the stops: how it goes between them, and whether its steps are even over legs or over its length.
PATH_KIND = choice("path", ("straight", "spherical"))
PATH_PACE = choice("pace", ("legs", "length"))
#: How near an image must lie to a point of the path to be counted there.
PATH_RADIUS = number("radius", path_text.MIN_RADIUS, path_text.MAX_RADIUS)


def path_stops(latent_dim: int, num_images: int) -> Key[list[path_text.Stop]]:
    """The stops of the path: test images, or points."""
    return Key(
        "stops",
        lambda text: path_text.parse(text, latent_dim, num_images, MAX_COORDINATE),
        path_text.rule(latent_dim, num_images, MAX_COORDINATE),
        path_text.write,
    )


def difference(num_classes: int, num_stops: int) -> Key[path_text.Difference]:
    """The arithmetic: two groups, whose means are subtracted, and the weight of the difference."""
    return Key(
        "sum",
        lambda text: path_text.parse_difference(text, num_classes, num_stops),
        path_text.difference_rule(num_classes, num_stops),
        path_text.write_difference,
    )


#: The Explore page: what the sliders span, and where its images come from.
RANGE = choice("range", ("data", "prior"))
#: Whether the map is beside them, and what is drawn on the pad.
SHOW_MAP = choice("map", ("on", "off"))
