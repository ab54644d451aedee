"""The HTTP face of the referral service."""
