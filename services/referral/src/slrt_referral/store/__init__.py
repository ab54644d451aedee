"""All SQL of the referral service."""
