"""The claims of README.md, each with the command that proves it: read, run, judged and written down."""
