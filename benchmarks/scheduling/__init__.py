"""What a task costs the driver."""
