"""What pages read of runs, kept in memory while their files stay the same: models, images, diagnoses, sheets.

Knows no Streamlit. `jobs`, `server` and all above import it.
"""
