"""The Wix API client: everything that this program says to Wix, and nothing that Wix says unasked.

Reading order::

    errors.py      what can go wrong, as one tree that answers "is this permanent?"
    auth.py        two kinds of credentials, one token cache
    pacing.py      a site's budget of calls a minute
    answers.py     an HTTP answer becomes a JSON object or an error
    transport.py   WixClient: auth, pacing, timeouts and retries of reads, in one `call`
    fields.py      how Wix spells revisions, moments and states, and the base of every model
    paging.py      pages by cursor and by offset
    query.py       what is asked for them

and then one file for each resource: module functions that take the client first. Paths, fields and limits are those
of docs/wix-api.md, whose sections the docstrings name.
"""
