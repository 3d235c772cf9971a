"""Usages and prices by the names of their units."""

from otel_llm.instrument.contract.units import UNITS
from otel_llm.instrument.contract.usage import Usage
from otel_llm.instrument.cost.rates import Rates

BY_NAME = {unit.name: unit for unit in UNITS}


def usage_of(conditions=None, cost_usd=None, **counts):
    return Usage({BY_NAME[name]: count for name, count in counts.items()}, conditions, cost_usd)


def rates_of(above=(), minimum_s=0, **prices):
    """Return prices in USD for as many of each unit as the list's prices are for."""
    return Rates({BY_NAME[name]: price for name, price in prices.items()}, above, minimum_s)


def usd(cost):
    """Return the amount of a cost, or None."""
    return None if cost is None else cost[0]
