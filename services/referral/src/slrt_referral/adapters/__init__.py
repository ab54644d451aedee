"""The outside of the referral service: policy files, connector files, offices' endpoints."""
