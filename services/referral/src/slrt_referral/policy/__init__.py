"""The routing policy as data: `00/routing.yaml` says which need goes where, `offices.yaml` which office that is."""
