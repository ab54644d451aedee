"""The rules of referral: states, offices, routing; pure."""
