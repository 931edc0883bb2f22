/** Images to encode, in Streamlit. */
import { mount } from "../../../../vae/browser/image_source/image_source.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"

export default inStreamlit(mount)
