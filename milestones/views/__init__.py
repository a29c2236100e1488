"""What is shown: reads only, and sentences for people."""
