"""Personal data, by Microsoft Presidio."""
