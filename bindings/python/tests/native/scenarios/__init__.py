"""What children of the tests do: `python -m scenarios NAME ARGUMENTS...`. Each prints what it saw as JSON."""
