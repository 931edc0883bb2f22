"""One palette, and words that are shown as they are. The lowest floor beside `settings`; anything may import it."""
