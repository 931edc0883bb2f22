"""Training loops of the user's own, watched: `watch` writes a run that pages and diagnosis read like any other.

May import `training` and below; nothing but the command line imports it.
"""
