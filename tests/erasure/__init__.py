"""Erase people, bring back an old backup, and show that nothing of them can be read, while everybody else can."""
