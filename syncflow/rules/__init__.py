"""Rules for columns: pure functions from text to canonical text or a reason. The stages apply them to chunks; stage 7
applies them once more to read a child's value as its parent would."""
