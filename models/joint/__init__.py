"""Joint channels: what a partner may see, who speaks for them, what they say, and what waits for the partner manager."""
