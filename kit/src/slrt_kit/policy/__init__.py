"""Policy as data: what a region may decide by decree and not by a release, versioned, checked before it counts."""
