"""The kinds ``notifications``, ``layouts`` and ``channels``: who is told of what, by which way, in which words."""
