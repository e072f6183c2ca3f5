"""What other programs read: made from the store at will, never read back."""
