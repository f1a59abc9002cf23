"""The sample county: synthetic people, a roster and photos drawn for them, and the main job done as people would."""
