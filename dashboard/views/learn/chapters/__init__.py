"""A chapter each: what it says, its formulas with the run's numbers in them, and its chart."""
