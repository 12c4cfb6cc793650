"""Values that every room speaks of: numbers, countries, refusals, texts, addresses."""
