"""Other loyalty programs, simulated: Smile, LoyaltyLion, Square, Voucherify and Talon.One, each with its own paths, paging,
limits and ways of being busy, and with or without an idempotency key as the real one.

They are served beside the simulated Wix, under ``/external/NAME``, and steered under ``/external/NAME/_sandbox``. They are
kept in memory alone.
"""
