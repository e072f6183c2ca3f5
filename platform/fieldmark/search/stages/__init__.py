"""What a sweep computes once for all its trials."""
