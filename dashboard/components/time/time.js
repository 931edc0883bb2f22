/** The time machine, in Streamlit. */
import { mount } from "../../../vae/browser/time_machine/time_machine.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit((element, given) => {
  // Streamlit leaves more room below the foot of a page than a bar needs.
  const { host } = /** @type {ShadowRoot} */ (element.getRootNode())
  /** @type {HTMLElement | null} */
  const foot = host?.closest('[data-testid="stBottomBlockContainer"]')
  if (foot) foot.style.paddingBottom = "12px"
  return mount(element, given)
})
