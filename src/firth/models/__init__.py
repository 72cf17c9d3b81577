"""Room models: the result of training: the vectors and their record, and how a folder stores them."""
