"""The page Learn: the theory in ten chapters, with the numbers of the chosen run."""
