"""A generated planet whose Bayes classifiers are known (DESIGN section 8, SCIENCE rules 19 to 21)."""
