"""A reward or a loyalty coupon on a checkout."""
