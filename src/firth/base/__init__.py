"""Room base: what every other room uses and no mathematics: values, the machine, files, compression, packed words."""
