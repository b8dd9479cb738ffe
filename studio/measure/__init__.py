"""What a model scores: rows, intervals, paired changes, statistics of experts."""
