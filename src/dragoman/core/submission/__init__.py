"""Submissions: deciding, storing, batches and their expansion."""
