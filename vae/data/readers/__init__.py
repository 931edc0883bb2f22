"""Readers of the user's own images and of public sets, each from its files to bytes (`vae.data.types`).

Only `vae.data` imports them; they do not know each other.
"""
