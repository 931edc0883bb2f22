"""What the address says and the session holds: each key's name, how it is read and written, what it must be.

`components`, `shell` and `views` import it.
"""
