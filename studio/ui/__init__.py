"""The page: layout, small callbacks, pure views; only here are gradio and plotly imported."""
