"""Metrics, and logs of one line per request."""
