"""Several tries at one question: the chance that one of k is right."""

import math

__all__ = ["pass_at"]


def pass_at(k: int, right: int, n: int) -> float:
    """Return the unbiased estimate of the chance that of `k` tries at least one is right, `right` of `n` having been.

    The tries must be drawn alike and independently. 1 - C(n - right, k) / C(n, k); raises `ValueError` unless
    0 ≤ right ≤ n and 1 ≤ k ≤ n. Source: M. Chen et al., Evaluating Large Language Models Trained on Code (2021), arXiv
    2107.03374, equation 1.
    """
    if not (0 <= right <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {n} tries, {right} of them right, means nothing")
    return 1 - math.comb(n - right, k) / math.comb(n, k)
