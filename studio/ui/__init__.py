"""The page: layout, small callbacks, pure views; only here are gradio and plotly imported."""

from studio.ui.environment import close_off

close_off()  # before gradio is imported, which reads variables then
