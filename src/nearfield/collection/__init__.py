"""An encoder, a store and lexical legs under one manifest."""
