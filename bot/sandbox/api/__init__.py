"""The Web API: one module for each family of methods, put together in `methods`."""
