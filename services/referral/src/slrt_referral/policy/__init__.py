"""Policy as data: `routing.yaml` says which need goes where, `offices.yaml` of each layer which office that is."""
