class Refused(Exception):
    """The person cannot do this: there is no such thing to press, or it is not theirs."""
