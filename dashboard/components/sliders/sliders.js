/** The sliders, in Streamlit. */
import { mount } from "../../../vae/browser/sliders/sliders.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit(mount)
