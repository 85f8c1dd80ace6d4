"""The pages: a door beside the API, for people. Server-rendered; they work without JavaScript."""
