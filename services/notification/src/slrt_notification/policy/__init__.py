"""Who is told of what, by which channel and in which words, by layers; `slrt_kit.policy` says what they are."""
