"""Tasks that arrive one after another: what is learned, what is forgotten, by any method."""
