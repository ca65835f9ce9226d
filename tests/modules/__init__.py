"""The conformance suite of modules: what every way of calling a model promises."""
