"""Policy as data, in layers: which need goes where, which office that is, what may take how long."""
