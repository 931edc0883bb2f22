"""Images and labels: `dataset` loads, splits and batches them; `readers` holds one module for each format.

May import `config`, `storage`, `runtime`; models and all above import it.
"""
