"""The Runs page: what runs there are; opening, renaming, deleting, exporting and importing them."""
