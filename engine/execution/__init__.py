"""Where and when: the scheduler, its executors, the transport of partitions, the session."""
