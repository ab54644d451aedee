"""Development tools of the contracts: they read the models and `topics/`, and write what is committed."""
