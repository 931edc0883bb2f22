"""Training: the loop, the optimiser, what it writes down, how it is steered, and how it goes on exactly.

May import `diagnostics`, `evaluation`, `runs` and below.
"""
