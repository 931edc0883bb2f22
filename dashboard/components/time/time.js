/** The time machine, in Streamlit. */
import { mount } from "../../../vae/browser/time_machine/time_machine.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit(mount)
