"""One file for each kind of effect, and how a mail is made and carried."""
