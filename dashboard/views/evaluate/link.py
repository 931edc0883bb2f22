"""What a link says of the Evaluate page: samples and images of the bounds, and whose true posterior is shown."""

from __future__ import annotations

from dashboard.link.keys import choice

#: The Evaluate page: samples of the importance-weighted bound, of how many images, and what they are drawn from; and of
#: annealing how many images and intermediate distributions.
SAMPLES = choice("k", ("50", "500", "5000"))
NUM_IMAGES = choice("images", ("100", "1000", "all"))
PROPOSAL = choice("proposal", ("posterior", "mixture"))
ANNEALED = choice("annealed", ("10", "50", "100"))
STEPS = choice("steps", ("100", "500", "2000"))
#: Whether the true posterior is that of a test image or of the drawing.
WHOSE = choice("of", ("test", "draw"))
