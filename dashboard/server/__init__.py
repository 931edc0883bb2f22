"""Requests beside Streamlit's own: who may ask, when it is answered, files, streams, arrays. Knows no Streamlit.

`dashboard.routes` collects what the pages answer (`views/<page>/routes.py`), and stands above them.
"""
