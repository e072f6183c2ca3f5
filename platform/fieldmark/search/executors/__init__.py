"""Where trials run. An executor starts tasks and says when they end; it knows nothing of searching."""
