"""Where and when it runs: actors, jobs, the cluster."""
