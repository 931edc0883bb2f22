"""A person's paths through the pages, walked in a real browser."""
