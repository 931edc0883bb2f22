/** Copies the address of the page: it says all that makes the view what it is. */
import { inStreamlit } from "../../components/streamlit/adapter.js"
import { element, say } from "../../../vae/browser/lib/dom.js"
import { mountable } from "../../../vae/browser/lib/mount.js"

/** Milliseconds for which it says what it did. */
const SAID = 2000

export default inStreamlit(mountable(import.meta.url, (root) => {
  let timer = 0
  const told = element("span", { class: "told", role: "status" })
  const button = element("button", { class: "ll-button ll-icon", type: "button", title: "Copy link", "aria-label": "Copy link", onclick: copy }, element("i", {}))
  root.replaceChildren(button, told)
  root.dataset.ready = "true"

  async function copy() {
    const isCopied = await copied(location.href)
    say(told, isCopied ? "Copied" : "Copy it from the address bar")
    clearTimeout(timer)
    timer = setTimeout(() => say(told, ""), SAID)
  }

  return { update() {}, unmount: () => clearTimeout(timer) }
}))

/**
 * Put a text into the clipboard; whether that was allowed.
 * @param {string} text
 */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Without https there is no clipboard but that of a selection.
    const field = element("textarea", { style: { opacity: "0", position: "fixed" } }, text)
    document.body.append(field)
    field.select()
    const isCopied = document.execCommand("copy")
    field.remove()
    return isCopied
  }
}
