/** The decoded image, in Streamlit. */
import { mount } from "../../../vae/browser/image/image.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit(mount)
