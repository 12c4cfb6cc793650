"""E-mail campaigns, which cost nothing while they are off."""
