"""Why a customer did or did not get something, recomputed from what is stored: asks nobody and changes nothing.

``values.Explanation`` is the answer; ``explanation`` puts it together from ``records``, ``crossings`` and ``reminder``.
"""

from milestones.views.explain.explanation import explain
from milestones.views.explain.values import Explanation, Story

__all__ = ["Explanation", "Story", "explain"]
