"""The HTTP face of intake: routes and schemas; no SQL, no rules."""
