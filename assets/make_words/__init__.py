"""How the words zoo was made: published texts, a small language model, and four voices."""
