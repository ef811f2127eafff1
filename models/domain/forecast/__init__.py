"""Forecast maths: pure, in integer minor units of one reporting currency, exact to the cent at every level."""
