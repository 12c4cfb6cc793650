"""What is deleted, and what is made to forget, in SQL."""
