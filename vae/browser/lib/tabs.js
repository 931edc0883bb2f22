/** The row of tabs: one is open, arrow keys go from one to the next. */
import { element } from "./dom.js"

/**
 * @param {Record<string, string>} titles What each tab is called, by its name.
 * @param {Record<string, HTMLElement>} bodies What it shows.
 * @param {string} label What is chosen by them.
 * @param {(name: string) => void} chosen Told when the person opens one.
 * @returns {{root: HTMLElement, open: (name: string) => void}}
 */
export function tabRow(titles, bodies, label, chosen) {
  const group = `tabs-${crypto.getRandomValues(new Uint32Array(1))[0]}`
  const names = Object.keys(titles)
  const buttons = names.map((name) => {
    bodies[name].id = `${group}-body-${name}`
    bodies[name].setAttribute("role", "tabpanel")
    bodies[name].setAttribute("aria-labelledby", `${group}-tab-${name}`)
    return element("button", {
      class: "tab", type: "button", role: "tab", id: `${group}-tab-${name}`, "aria-controls": bodies[name].id, dataset: { tab: name },
      onclick: () => chosen(name), onkeydown: turn,
    }, titles[name])
  })
  const root = element("div", { class: "tabs", role: "tablist", "aria-label": label, dataset: { control: "tabs" } }, ...buttons)

  /** @param {KeyboardEvent} event */
  function turn(event) {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0
    if (!by) return
    event.preventDefault()
    const next = (buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target)) + by + names.length) % names.length
    chosen(names[next])
    buttons[next].focus()
  }

  return {
    root,
    open(name) {
      buttons.forEach((button, k) => {
        const isOpen = names[k] === name
        button.setAttribute("aria-selected", String(isOpen))
        button.tabIndex = isOpen ? 0 : -1
        bodies[names[k]].hidden = !isOpen
      })
    },
  }
}
