"""A simulated Wix: loyalty, coupons, badges, members, contacts, consent and signed webhooks, in one process.

It is a package of its own. It knows nothing of the daemon that it ships with: it speaks HTTP and imports nothing
of ``milestones``. Whoever writes a Wix app may point any client at it (``python -m wixsandbox``), or serve it in a test::

    async with wixsandbox.server.serve(SandboxSettings(port=0)) as running:
        ...

Reading order: ``records`` (what a site holds), ``world`` (a site), ``seeding`` (its first day), ``ledger`` (how
points move), ``api`` (one file per Wix module), ``events`` and ``sender`` (webhooks), ``app`` (the way of a
request), ``control`` (``/_sandbox``), ``server`` (starting and stopping), ``command`` (its options).

Paths, fields, limits and behaviours were read from the vendor's published SDK types and documentation. Where
those leave a question open, ``settings.Switches`` has a switch for it.
"""
