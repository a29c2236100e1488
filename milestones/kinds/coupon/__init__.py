"""A personal coupon."""
