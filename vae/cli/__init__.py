"""The `vae` command: `main` has the commands, the others what each needs.

The top floor: nothing imports it.
"""
