"""Meetings of the quarter's table as people meet them: what to prepare, closing them, pulses, the quarter, the table."""
