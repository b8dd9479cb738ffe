"""A merge as files that other tools load: a model, an adapter, classifiers."""
