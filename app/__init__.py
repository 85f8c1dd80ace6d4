"""Berth, the allocation desk in front of NetBox."""
