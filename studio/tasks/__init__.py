"""What a model is asked to do: kinds of tasks, their rows and heads, the live model."""
