"""The Generate page: new images from the prior, the aggregate posterior, a class or a style."""
