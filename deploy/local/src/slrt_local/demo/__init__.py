"""Play the main job through the gateway, as the people of a regency would, and count what came of it."""
