"""What decisions are worth: by class, by probability, and beside other raters."""
