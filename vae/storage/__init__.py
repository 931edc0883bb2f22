"""Files that stay whole: atomic replacement, locks, tensors, and ways into a folder that follow no link.

The lowest floor beside `config` and `runtime`: knows nothing of runs or models; anything in `vae` may import it.
"""
