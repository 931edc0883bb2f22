"""What a watched loop reports of its terms, beside what they are on its own networks: its scale, and the usual slips.

`vae.diagnostics` and `vae.watching` import it; it knows neither rules nor runs.
"""
