"""The batcher: what came in while NetBox was busy goes to it in one list."""
