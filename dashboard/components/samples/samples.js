/** The sheets of images, in Streamlit. */
import { mount } from "../../../vae/browser/samples/samples.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit(mount)
