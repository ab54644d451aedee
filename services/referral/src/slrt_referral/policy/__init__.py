"""The routing policy as data: `routing.yaml` says which need goes where, `offices.yaml` which office that is."""
