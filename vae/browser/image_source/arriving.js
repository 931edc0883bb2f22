/** Pictures that are dropped on a part of the page, or pasted into it. */

/**
 * @param {HTMLElement} target Where they are dropped.
 * @param {{wanted: () => boolean, load: (file: File) => void}} heard Whether what is pasted is meant for here, and who takes it.
 * @returns {() => void} The way to stop.
 */
export function arriving(target, { wanted, load }) {
  target.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault()
  })
  target.addEventListener("drop", (event) => take(event, event.dataTransfer))
  const pasted = (event) => {
    if (wanted() && !event.target.closest?.("input, textarea")) take(event, event.clipboardData)
  }
  document.addEventListener("paste", pasted)

  function take(event, transfer) {
    const [file] = transfer?.files ?? []
    if (!file) return
    event.preventDefault()
    load(file)
  }

  return () => document.removeEventListener("paste", pasted)
}
