"""The rules of a verdict, each asked in turn with the facts of a diagnosis; `verdicts` lists them in their order.

Only `vae.diagnostics.diagnose` and what shows a diagnosis import them.
"""
