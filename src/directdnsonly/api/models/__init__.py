"""Models of the JSON API, by subject."""
