"""Translate received events into use cases: cases into referrals, sent referrals into notices to offices."""
