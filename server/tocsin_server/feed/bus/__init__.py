"""What replicas tell each other, one module for each way."""
