"""A seeded, invented world, for demonstrations and benchmarks: people of many countries and their history."""
