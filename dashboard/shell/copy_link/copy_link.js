/** Copies the address of the page: it says all that makes the view what it is. A list beside it says what of the page stays. */
import { inStreamlit } from "../../components/streamlit/adapter.js"
import { controlsInPage } from "../../streamlit_internals/controls.js"
import { element, say } from "../../../vae/browser/lib/dom.js"
import { mountable } from "../../../vae/browser/lib/mount.js"
import { isHidden, restrictionsOf, titlesOf, viewLink } from "./view_link.js"

/** By how much a control stands in that is part of another, CSS pixels. */
const STEP_IN = 14
/** Milliseconds for which it says what it did. */
const SAID = 2000

export default inStreamlit(mountable(import.meta.url, (root) => {
  let timer = 0
  const told = element("span", { class: "told", role: "status" })
  const button = element(
    "button", { class: "ll-button ll-icon", type: "button", title: "Copy link", "aria-label": "Copy link", dataset: { control: "copy" }, onclick: () => void give(location.href) },
    element("i", {}),
  )
  const opener = element("button", {
    class: "ll-button ll-icon opener", type: "button", title: "Choose what the link shows", "aria-label": "Choose what the link shows", "aria-expanded": "false",
    dataset: { control: "choose" }, onclick: () => open(Boolean(list.hidden)),
  }, "▾")
  const rows = element("div", { class: "rows" })
  const list = element(
    "form", { class: "list", hidden: true, "aria-label": "What the link shows", dataset: { control: "choose" }, onsubmit: copyView, onkeydown: closeOnEscape },
    element("p", { class: "intro" }, "Untick what the link hides. “Fixed” stays in sight but cannot be changed."),
    element("div", { class: "ll-row" }, all("All", true), all("None", false)), rows,
    element("button", { class: "ll-button copy-view", type: "submit" }, "Copy the link of this view"),
  )
  root.replaceChildren(element("div", { class: "both" }, button, opener), told, list)
  root.dataset.ready = "true"
  /** @type {import("../../streamlit_internals/controls.js").Control[]} */
  let controls = []

  /** @param {string} text @param {boolean} stays */
  function all(text, stays) {
    return element("button", {
      class: "ll-button", type: "button", onclick: () => {
        for (const box of rows.querySelectorAll("input[data-stays]")) /** @type {HTMLInputElement} */ (box).checked = stays
        follow()
      },
    }, text)
  }

  /** @param {boolean} yes */
  function open(yes) {
    if (yes) fill()
    list.hidden = !yes
    opener.setAttribute("aria-expanded", String(yes))
    document[yes ? "addEventListener" : "removeEventListener"]("pointerdown", outside, true)
    if (yes) /** @type {HTMLElement | null} */ (list.querySelector("button"))?.focus()
  }

  /** @param {Event} event A press elsewhere closes it. */
  function outside(event) {
    if (!event.composedPath().includes(root)) open(false)
  }

  /** @param {KeyboardEvent} event */
  function closeOnEscape(event) {
    if (event.key !== "Escape") return
    event.stopPropagation()
    open(false)
    opener.focus()
  }

  /** What the page has now, what the address hides unticked. */
  function fill() {
    const { hidden, locked } = restrictionsOf(location.href)
    controls = controlsInPage().filter(({ name }) => name)
    const groups = /** @type {Map<string, HTMLElement[]>} */ (new Map())
    const titles = titlesOf(controls)
    for (const control of controls) {
      const { name, group, around } = control
      const title = titles.get(name) ?? name
      const box = (/** @type {string} */ kind, /** @type {boolean} */ checked) =>
        element("input", { type: "checkbox", value: name, checked, dataset: { [kind]: "" }, onchange: () => ticked(control, kind) })
      const row = element(
        "div", { class: "row", style: { paddingLeft: `${STEP_IN * around.length}px` } },
        element("label", { title: name }, box("stays", !isHidden(control, hidden)), title),
        element("label", { class: "fixed" }, box("fixed", locked.has(name)), "Fixed"),
      )
      groups.set(group, [...(groups.get(group) ?? []), row])
    }
    rows.replaceChildren(...[...groups].map(([group, found]) => element("fieldset", {}, element("legend", {}, group), ...found)))
    follow()
  }

  /**
   * What stands in something that goes, goes too; what something stands in that stays, stays too.
   * @param {import("../../streamlit_internals/controls.js").Control} control
   * @param {string} kind
   */
  function ticked({ name, around }, kind) {
    const box = (/** @type {string} */ of) => /** @type {HTMLInputElement | null} */ (rows.querySelector(`input[data-stays][value="${of}"]`))
    if (kind === "stays") {
      const stays = Boolean(box(name)?.checked)
      const others = stays ? around : controls.filter((one) => one.around.includes(name)).map((one) => one.name)
      for (const of of others) {
        const other = box(of)
        if (other) other.checked = stays
      }
    }
    follow()
  }

  /** What does not stay cannot be fixed. */
  function follow() {
    for (const row of rows.querySelectorAll(".row")) {
      const [stays, fixed] = /** @type {HTMLInputElement[]} */ ([...row.querySelectorAll("input")])
      fixed.disabled = !stays.checked
      if (!stays.checked) fixed.checked = false
    }
  }

  /** @param {SubmitEvent} event */
  function copyView(event) {
    event.preventDefault()
    const those = (/** @type {string} */ kind) =>
      new Set([.../** @type {NodeListOf<HTMLInputElement>} */ (rows.querySelectorAll(`input[data-${kind}]:checked`))].map(({ value }) => value))
    void give(viewLink(location.href, controls, those("stays"), those("fixed")))
    open(false)
  }

  /** @param {string} link */
  async function give(link) {
    root.dataset.copied = link
    const isCopied = await copied(link)
    say(told, isCopied ? "Copied" : "Copy it from the address bar")
    clearTimeout(timer)
    timer = setTimeout(() => say(told, ""), SAID)
  }

  return {
    update() {},
    unmount() {
      clearTimeout(timer)
      document.removeEventListener("pointerdown", outside, true)
    },
  }
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
