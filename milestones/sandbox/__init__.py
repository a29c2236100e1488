"""A simulated Wix: loyalty, coupons, badges, members, contacts, consent and signed webhooks, in one process.

It is a product of its own. It knows nothing of the daemon that it ships with: it speaks HTTP and imports nothing
of the rest. Whoever writes a Wix app may point any client at it (``milestones sandbox``).

Reading order: ``records`` (what a site holds), ``world`` (a site), ``seeding`` (its first day), ``ledger`` (how
points move), ``api`` (one file per Wix module), ``events`` and ``sender`` (webhooks), ``app`` (the way of a
request), ``control`` (``/_sandbox``), ``server`` (starting and stopping).

Paths, fields, limits and behaviours were read from the vendor's published SDK types and documentation. Where
those leave a question open, ``settings.Switches`` has a switch for it.
"""
