"""Where secrets come from, one file a source, and how they are read again when they change."""
