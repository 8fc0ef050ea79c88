"""What may go wrong, by where it does. Each fault is a function that begins it and sees to its end."""
