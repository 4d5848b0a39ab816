"""`python -m nameplate` is the command `nameplate`."""

from nameplate.cli.main import main

main()
