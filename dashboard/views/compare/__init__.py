"""The Compare page: what tells runs apart, the rate-distortion plane, and images side by side."""
