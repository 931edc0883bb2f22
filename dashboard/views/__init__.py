"""The pages: each reads widgets, calls `vae`, draws."""
