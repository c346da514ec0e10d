"""Every figure the README claims, as a ratio measured in one run against something real."""
