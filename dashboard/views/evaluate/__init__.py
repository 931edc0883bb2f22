"""The Evaluate page: test metrics, bounds on log p(x), and the exact posterior where it can be known."""
