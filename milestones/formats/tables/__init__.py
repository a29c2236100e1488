"""Tables in files that somebody else wrote: text with separators, JSON Lines, workbooks. Read row by row."""
