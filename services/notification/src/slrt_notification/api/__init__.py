"""The HTTP face of notification: routes and schemas; no SQL, no rules."""
