"""``python -m rollcast``: the command line."""

from rollcast.apps.cli import main

main()
