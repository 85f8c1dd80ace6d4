"""What Berth does, one verb a file."""
