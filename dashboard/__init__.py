"""The Streamlit app: a person watches a variational autoencoder learn, steers it and walks through its latent space."""
