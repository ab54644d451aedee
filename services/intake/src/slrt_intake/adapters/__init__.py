"""What a letter is made into: a document, and the code by which anybody can check it."""
