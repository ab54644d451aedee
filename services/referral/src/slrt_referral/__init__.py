"""The right office: routing rules, referrals, one connector per office."""
