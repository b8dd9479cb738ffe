"""How the pictures zoo was made: packaged pictures, a published body, and five fine-tunes of it."""
