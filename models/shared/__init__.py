"""Partner-safe pages: the note, the PBR and the readout as a partner may read them, frozen, owed, and narrowed when sent."""
