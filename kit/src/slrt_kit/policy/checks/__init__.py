"""What must hold of the entries of a kind together, beyond what a schema of one entry can say; pure functions."""
