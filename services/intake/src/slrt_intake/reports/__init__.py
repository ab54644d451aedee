"""Facilitators' WhatsApp reports: from the text of a message to draft cases."""
