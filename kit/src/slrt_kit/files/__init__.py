"""Files of people: received in pieces, scanned, cleaned in a process of its own, kept sealed in an object store."""
