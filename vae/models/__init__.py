"""Variational autoencoders: the model, its networks, likelihoods and priors.

May import `data`, `objectives` and below; everything that looks at a model imports it.
"""
