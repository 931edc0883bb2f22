"""`python -m vae` is the `vae` command."""

from vae.cli.main import main

main()
