"""How events, commands and interactions reach the bot: over a socket or over signed HTTP."""
