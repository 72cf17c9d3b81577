"""Room base: functions that all other rooms use, without mathematics: values, files, compression, packed words."""
