"""What a draft would have changed: the past weeks by the policy in force and by the draft, side by side (ADR 0044)."""
