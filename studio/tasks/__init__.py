"""What a model can do: tasks, heads, the live model, evaluation, metrics."""
