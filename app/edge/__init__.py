"""The hall between the doors and the desk: request ids, callers, bodies, problem documents, owned work."""
