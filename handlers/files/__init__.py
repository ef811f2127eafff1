"""A kit of file writers: functions from frozen facts to bytes. Not a feature; features may import it."""
