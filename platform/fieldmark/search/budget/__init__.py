"""What a command may use: time, GPU-hours, money, bytes."""
