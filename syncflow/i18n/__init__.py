"""Words, numbers and times in the language of whoever reads them, for the command line and the console."""
