"""Room corpus: text or ids in, an encoded corpus on disk out; vocabulary; the sampling plan."""
