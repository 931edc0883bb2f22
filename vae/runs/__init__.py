"""The run directory: config, history, status, snapshots and weights of one training, and what lists and moves it.

May import `export`, `models` and below; whatever reads or writes a run imports it.
"""
