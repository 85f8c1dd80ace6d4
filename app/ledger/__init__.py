"""Keys, intents and outcomes, and the audit log that every one of them passes through."""
