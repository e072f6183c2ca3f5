"""Plain PyTorch training: fits, evaluates and checkpoints; knows neither Ray nor the store."""
