"""From what is known to HTML, one file per tab."""
