"""How the demo zoo was made: rows from public sources and templates, then adapters and heads."""
