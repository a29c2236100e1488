"""One call of every operation that the sandbox answers, complete, with everything optional that is looked at."""

from tests.wixsandbox.builders import Shop
from tests.wixsandbox.samples import badges, coupons, earning, people, redeeming, rewards
from tests.wixsandbox.samples.sample import Sample


def samples(shop: Shop) -> dict[str, Sample]:
    """For every operation by its name. The shop gets what the calls need; a call may take it away again."""
    parts = (redeeming, earning, rewards, coupons, badges, people)
    return {name: sample for part in parts for name, sample in part.samples(shop).items()}
