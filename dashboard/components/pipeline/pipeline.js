/** The pipeline of a VAE, in Streamlit. */
import { mount } from "../../../vae/browser/pipeline/pipeline.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit(mount)
