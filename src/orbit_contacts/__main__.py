"""`python -m orbit_contacts` is the `orbit` command."""

from orbit_contacts.interfaces.cli import main

if __name__ == "__main__":
    main()
