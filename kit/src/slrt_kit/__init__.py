"""How the SLRT services say it safely: settings, database, outbox, inbox, messaging, HTTP, telemetry."""
