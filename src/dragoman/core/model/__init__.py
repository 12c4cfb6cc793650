"""Values shared by all packages: numbers, countries, refusals, texts, addresses."""
