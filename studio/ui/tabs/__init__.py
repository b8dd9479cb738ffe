"""One tab of the page each: its components and callbacks."""
