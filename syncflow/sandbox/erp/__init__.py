"""A believable manufacturing company: clean rows first (the truth), then printed with the dirt of real ERPs."""
