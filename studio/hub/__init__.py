"""The Hub, when asked: what lies there, fetched or pushed, by a process of its own."""
