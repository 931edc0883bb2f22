"""The objective of training: distortion, rate and what weighs them, schedules, and the β that a loss amounts to.

May import `config`, `storage`, `runtime`; models and all above import it.
"""
