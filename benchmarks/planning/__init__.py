"""What planning costs, apart from running: from the first verb to the first tasks."""
