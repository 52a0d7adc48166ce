"""The screens: one file each, with its keys and its style beside it."""
