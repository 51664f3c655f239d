"""An application as it was written for the existing Python package of the same name. Nothing in it knows of this one."""
