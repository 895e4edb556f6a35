"""``strategy="auto"``: what is tried, how it is judged, what a killed search had found."""
