"""Numbers of a model on a part of its data: the ELBO, bounds on log p(x), the exact posterior; what runs keep of them.

May import `latent`, `runs` and below.
"""
