"""Two runs side by side: alignment, differences of text and of JSON."""
