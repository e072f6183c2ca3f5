"""Where trials run. An executor starts units of work and says when they end; it knows nothing of searching."""
