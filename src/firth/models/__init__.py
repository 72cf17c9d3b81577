"""Room models: what training yields, whole: the vectors, their record, the folder they are saved in."""
