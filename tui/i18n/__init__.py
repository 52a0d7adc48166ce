"""Languages: words, and how numbers and times are written."""
