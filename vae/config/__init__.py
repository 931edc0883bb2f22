"""Every option of a run: `schema` declares each once, `checks` says what has no effect, `diff` what differs.

The lowest floor beside `storage` and `runtime`: anything in `vae` may import it. Imports no torch.
"""
