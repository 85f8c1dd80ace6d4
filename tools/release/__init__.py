"""Making a release: `make release VERSION=…`. It publishes nothing; docs/operate/release.md says the rest."""
