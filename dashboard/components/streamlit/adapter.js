/** Parts of the explorer as components of Streamlit: the state is what Python passes, and what changes goes back to it. */
import { coverFoot } from "../../../vae/browser/lib/foot.js"
import { chosen, passing } from "../../streamlit_internals/address.js"
import { heightOfFoot } from "../../streamlit_internals/page.js"
import { server } from "../source/source.js"

/** @typedef {{parentElement: HTMLElement, data: any, setTriggerValue: (name: string, value: any) => void}} Component What Streamlit passes. */

/** The bar at the foot of the window lies over the page. */
coverFoot(heightOfFoot)

/**
 * A component's default export. Streamlit runs it anew whenever its data or the theme change: the part that was made at the first call
 * for a parent is found again at every later one.
 * @param {(element: HTMLElement, given: import("../../../vae/browser/lib/mount.js").Given) => import("../../../vae/browser/lib/mount.js").Part} mount
 * @returns {(component: Component) => () => void}
 */
export function inStreamlit(mount) {
  const parts = new WeakMap()
  return (component) => {
    const parent = component.parentElement
    const root = /** @type {HTMLElement} */ (parent.querySelector(".ll"))
    const given = {
      source: server,
      state: component.data,
      onChange(name, value, how) {
        if (how === "choice") chosen()
        else if (how === "passing") passing()
        component.setTriggerValue(name, value)
      },
    }
    const known = parts.get(parent)
    if (known?.root === root) known.part.update(given)
    else {
      known?.part.unmount()
      parts.set(parent, { root, part: mount(root, given) })
    }
    return () => {
      parts.get(parent)?.part.unmount()
      parts.delete(parent)
    }
  }
}
