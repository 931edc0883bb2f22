"""Latent space: embeddings, planes, traversals, interpolation, generation, and the aggregate posterior.

May import `runs` and below.
"""
