"""The real parts: each knows how to find, prepare, start and check one of them."""
