"""The HTTP face of the registry: routes and schemas; no SQL, no rules."""
