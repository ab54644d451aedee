"""Kill processes of a whole stack at random and prove by its history that nothing was lost, doubled or reordered."""
