"""How sure a measured share is."""

import math

# How rarely a check may call a true split wrong.
FALSE_ALARM = 1e-6


def margin(share: float, samples: int, z: float = 1.96) -> float:
    """Return half the width of Wilson's score interval of a share, 95 % of the time right by default."""
    if not samples:
        return 1.0
    spread = z * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples * samples))
    return spread / (1 + z * z / samples)


def could_be(count: int, samples: int, share: float, false_alarm: float = FALSE_ALARM) -> bool:
    """Tell whether so many of the samples are what a share gives by chance, by the exact binomial tails.

    Args:
        count: how many were seen.
        samples: of how many.
        share: the true share that is asked about, 0 to 1.
        false_alarm: how often at most the answer may be wrongly no.
    """
    if share in {0.0, 1.0} or not samples:
        return count == samples * share
    upper = range(count, samples + 1)
    lower = range(count + 1)
    return min(_mass(upper, samples, share), _mass(lower, samples, share)) > false_alarm / 2


def _mass(counts: range, samples: int, share: float) -> float:
    """Return the probability of the counts."""
    return math.fsum(
        math.exp(
            math.lgamma(samples + 1)
            - math.lgamma(count + 1)
            - math.lgamma(samples - count + 1)
            + count * math.log(share)
            + (samples - count) * math.log1p(-share)
        )
        for count in counts
    )


def percentile(values: list[float], share: float) -> float:
    """Return the least value that at least this share of the values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
