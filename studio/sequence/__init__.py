"""Tasks that arrive one after another."""
