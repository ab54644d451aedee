"""What the SLRT services say to each other and to partners: events, schemas, topics, code lists."""
