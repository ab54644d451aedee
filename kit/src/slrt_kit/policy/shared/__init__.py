"""What is the same in every service that keeps a policy of its kind: the calendar, and whom lateness reaches."""
