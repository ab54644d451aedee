"""The kinds ``letters`` and ``letterheads``: the letters of a region, their words, and who answers for them."""
