"""What one running studio holds: the mix and its history, live results, one long job."""
