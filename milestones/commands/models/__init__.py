"""Commands, their answers and how far they are, as types. Whoever gives a command imports these and not how it is done."""
