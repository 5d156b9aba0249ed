"""What is made of events: the progress bar, the profile, and how they are laid out."""
