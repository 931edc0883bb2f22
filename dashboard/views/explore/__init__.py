"""The Explore page: a slider for each latent dimension, paths, and the map beside them."""
