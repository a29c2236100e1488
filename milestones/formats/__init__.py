"""The forms in which others write what is read here: JSON that nobody vouches for, and mail addresses."""
