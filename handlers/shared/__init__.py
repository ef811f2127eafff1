"""What is posted for a partner to read: written from `models.domain.shared` alone."""
