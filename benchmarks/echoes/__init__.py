"""The smallest echo with each of the libraries that are compared, each with its defaults."""
