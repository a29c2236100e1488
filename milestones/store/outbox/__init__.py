"""What grants and reminders owe: recorded, claimed, settled, and moved by a person's word."""
