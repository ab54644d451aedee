"""All SQL of intake, by table: cases and needs, people, drafts, the timeline, ticket guesses."""
