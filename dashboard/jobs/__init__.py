"""Work beside the pages: trainers, sweeps, planes and measurements, in processes and threads of their own.

Knows no Streamlit. `server` and all above import it.
"""
