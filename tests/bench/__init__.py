"""The figures of the README: `make bench`. Ratios to a floor measured in the same run; absolute times only as figures."""
