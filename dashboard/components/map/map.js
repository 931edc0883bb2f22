/** The latent map, in Streamlit. */
import { mount } from "../../../vae/browser/map/map.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit(mount)
