"""The application and its objects."""
