"""The browser page: server-side templates and one small script."""
