"""A reward that points are redeemed for: a loyalty coupon."""
