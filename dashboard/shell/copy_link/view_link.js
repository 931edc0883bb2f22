/** The link of a view in which only what was ticked stays. */

/** @typedef {import("../../streamlit_internals/controls.js").Control} Control */

/**
 * The address with what is hidden and what is fixed. What stands in something hidden need not be said too.
 * @param {string} address
 * @param {Control[]} controls
 * @param {Set<string>} staying Names of what stays.
 * @param {Set<string>} fixed Names of what stays but cannot be changed.
 */
export function viewLink(address, controls, staying, fixed) {
  const kept = new Set([...staying].flatMap((name) => [name, ...(controls.find((one) => one.name === name)?.around ?? [])]))
  const hidden = controls.filter(({ name }) => name && !kept.has(name))
  const names = new Set(hidden.map(({ name }) => name))
  const outermost = hidden.filter(({ around }) => !around.some((outer) => names.has(outer))).map(({ name }) => name)
  const url = new URL(address)
  for (const key of ["hide", "lock"]) url.searchParams.delete(key)
  for (const [key, all] of /** @type {[string, string[]][]} */ ([["hide", outermost], ["lock", [...fixed].filter((name) => kept.has(name))]])) {
    // A comma may stand in a query as it is.
    if (all.length) url.search += `${url.search ? "&" : "?"}${key}=${all.map(encodeURIComponent).join(",")}`
  }
  return url.href
}

/**
 * What each control is called in the list, by its name: no two of a group alike.
 * @param {Control[]} controls
 * @returns {Map<string, string>}
 */
export function titlesOf(controls) {
  const twins = (/** @type {Control} */ one) => controls.filter((other) => other !== one && other.group === one.group && other.title === one.title)
  return new Map(controls.map((one) => {
    const others = twins(one)
    if (!others.length) return [one.name, one.title]
    const isWhole = others.some(({ around }) => around.includes(one.name))
    const isPart = others.some(({ name }) => one.around.includes(name))
    const isAlone = others.every(({ name, around }) => around.includes(one.name) || one.around.includes(name))
    if (isWhole && !isPart && isAlone) return [one.name, `${one.title}: all of it`]
    return [one.name, isPart && isAlone && !isWhole ? one.title : `${one.title} (${one.name})`]
  }))
}

/**
 * What the address hides and fixes now.
 * @param {string} address
 * @returns {{hidden: Set<string>, locked: Set<string>}}
 */
export function restrictionsOf(address) {
  const { searchParams } = new URL(address)
  const [hidden, locked] = ["hide", "lock"].map((key) => new Set((searchParams.get(key) ?? "").split(",").filter(Boolean)))
  return { hidden, locked }
}

/**
 * Whether the address hides a control, or something that it stands in.
 * @param {Control} control
 * @param {Set<string>} hidden
 */
export function isHidden({ name, around }, hidden) {
  return [name, ...around].some((one) => hidden.has(one))
}
