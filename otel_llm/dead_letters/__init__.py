"""What could not be decoded, evaluated or delivered: kept in a file, shown, and sent again."""
