"""Why a latent space is as it is: what is measured of it, the rules, and the verdict with its evidence and remedies.

`diagnose` stands on top; the rules import the plain data of `diagnosis` alone. May import `evaluation` and below.
"""
