"""The loyalty program from a file: what differs on the site, making it so, and writing the file from a site.

Reading order::

    live.py      a site's program, in the words of the configuration
    matching.py  which thing of the file is which of the site (pure)
    difference.py  what differs of one thing, field by field (pure)
    refusals.py  what Wix does not let be done (pure)
    plan.py      file and site become an ordered list of steps, and of what cannot be done (pure)
    tiers.py     an order of changes in which no two tiers collide (pure)
    read.py      the site is read from Wix
    wire.py      a thing of the file becomes what Wix is sent
    journal.py   what was done a moment ago, and queries may not show yet
    steps.py     one step is one call
    apply.py     the steps are carried out, each so that it may be repeated
    export.py    a site becomes a file
    watch.py     drift is looked for, and what no event tells
"""
