"""The Collapse page: the diagnosis of a run, its remedies, and recipes of each kind of collapse."""
