"""What measures the scores of the demo zoos' first screens."""
