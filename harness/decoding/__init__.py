"""How a model is made to write: grammars and masks while it does, votes among several tries afterwards."""
