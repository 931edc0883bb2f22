"""The Map page: where the posterior puts each image, and how the map came about."""
