"""What is searched: one module a space."""
