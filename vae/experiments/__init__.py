"""Many runs at once: sweeps, recipes of each kind of collapse with their remedies, and published numbers.

May import `training` and below; the command line and the dashboard import it.
"""
